"""Recipes from YAML: the library's by name, anyone's by path, changed by `key=value`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from transmodal.errors import InputError, UsageError, suggest
from transmodal.recipes.plain_yaml import plain_yaml
from transmodal.recipes.refusal import as_usage_error
from transmodal.recipes.schema import Recipe
from transmodal.storage import regular

LIBRARY = Path(__file__).parent / "library"
MAX_BYTES = 65_536


def names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def load(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Load a recipe by its name in the library or by the path of a YAML file.

    Args:
        name_or_path: such as `t1-to-fa-small` or `mine.yaml`.
        overrides: `dotted.key=value` with the value in YAML, such as `training.epochs=2`.

    Raises:
        UsageError: E002 for an unknown name, E003 for an unknown key, E001 for a value that cannot be.
        InputError: E100 when the file does not exist, E101 when it cannot be read as text.
    """
    path = _path(str(name_or_path))
    data = _parse(path)
    for override in overrides:
        _apply(data, override)
    return validate(data, path.name)


def validate(data: object, origin: str) -> Recipe:
    """Check plain data against the schema.

    Args:
        data: of YAML or JSON.
        origin: of the data, as messages name it.

    Raises:
        UsageError: E003 for an unknown key, naming its path and the nearest known key; E001 otherwise.
    """
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise as_usage_error(error, origin) from None


def words(changes: Mapping[str, object]) -> list[str]:
    """Return changes by dotted key as the words that `load` and `changed` take."""
    return [f"{key}={word(value)}" for key, value in changes.items()]


def changed(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """Return a resolved recipe with keys changed, as `load` changes them.

    Raises:
        UsageError: as `load`.
    """
    data = recipe.model_dump(mode="json")
    for override in overrides:
        _apply(data, override)
    return validate(data, recipe.name)


def word(value: object) -> str:
    """Return a value as it stands behind `key=`: YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.removesuffix("...\n").strip()


def dump(recipe: Recipe) -> str:
    """Return a recipe as YAML, defaults included; `load` of it gives an equal recipe."""
    return yaml.safe_dump(
        recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, default_flow_style=None
    )


def _path(name: str) -> Path:
    looks_like_file = Path(name).suffix in (".yaml", ".yml") or len(Path(name).parts) > 1
    if looks_like_file:
        if not Path(name).is_file():
            raise InputError("E100", f"{name} does not exist", "a recipe in YAML", "Check the path.")
        return Path(name)
    if name not in names():
        remedy = suggest(name, names(), "List them: transmodal recipes.", cutoff=0.4)
        raise UsageError(
            "E002", f"recipe {name!r}", "one that comes with transmodal, or a .yaml file", remedy
        )
    return LIBRARY / f"{name}.yaml"


def _parse(path: Path) -> dict[str, Any]:
    try:
        with regular.open_file(path) as stream:
            raw = stream.read(MAX_BYTES + 1)
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("E101", f"{path.name} is not text", "YAML in UTF-8", "Save it as UTF-8.") from None
    except OSError as error:
        raise InputError("E100", f"{path}: {error.strerror}", "a readable file", "Check it.") from None
    if len(raw) > MAX_BYTES:
        raise UsageError(
            "E001", f"{path.name} is over {MAX_BYTES} bytes", "a recipe of some lines", "Shorten it."
        )
    data = plain_yaml(text, path.name)
    if not isinstance(data, dict):
        raise UsageError(
            "E001", f"{path.name} holds {_kind(data)}", "keys and values", "See: transmodal recipes NAME."
        )
    return data


def _apply(data: dict[str, Any], override: str) -> None:
    """Set one dotted key in plain data; what it makes of the recipe is checked with all else."""
    key, sign, text = override.partition("=")
    parts = key.strip().split(".")
    if not sign or not all(parts):
        raise UsageError(
            "E001", f"--set {override}", "dotted.key=value", "Write it as: --set training.epochs=2"
        )
    inner = data
    for depth, part in enumerate(parts[:-1], start=1):
        if inner.get(part) is None:
            inner[part] = {}
        following = inner[part]
        if not isinstance(following, dict):
            raise UsageError(
                "E003",
                f"--set {override}, though {'.'.join(parts[:depth])} is {_kind(following)}",
                "a key of the recipe",
                "See the keys: transmodal recipes NAME.",
            )
        inner = following
    inner[parts[-1]] = plain_yaml(text, f"--set {override}")


def _kind(value: object) -> str:
    words = {type(None): "nothing", dict: "keys and values", list: "a list"}
    return words.get(type(value), repr(value))
