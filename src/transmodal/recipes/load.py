"""Recipes from YAML: the library's by name, anyone's by path, changed by `key=value`."""

from __future__ import annotations

import difflib
import math
import re
import types
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from transmodal.errors import InputError, UsageError, suggest
from transmodal.recipes.schema import Recipe

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


def validate(data: object, where: str) -> Recipe:
    """Check plain data against the schema.

    Args:
        data: what was read.
        where: what to call its origin in an error.

    Raises:
        UsageError: E003 for an unknown key, naming its path and the nearest known key; E001 otherwise.
    """
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise _as_usage_error(error, where) from None


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


def plain_yaml(text: str, where: str) -> object:
    """Read safe YAML in which no key stands twice and no alias is used.

    Args:
        text: the YAML.
        where: what messages call it.

    Raises:
        UsageError: E001 with the line and what is wrong there.
    """
    try:
        # The loader is SafeLoader with two things refused, so this is what safe_load does.
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise UsageError("E001", f"{where}{line}: {problem}", "plain YAML", "Correct it.") from None


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
        with path.open("rb") as stream:
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


class _Loader(yaml.SafeLoader):
    """Safe YAML without what lets a recipe say one thing and mean another: doubled keys, aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases, which could also blow a small file up."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not used", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that stands twice."""
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands twice", key.start_mark
                )
        return super().construct_mapping(node, deep)


def _as_usage_error(error: ValidationError, where: str) -> UsageError:
    details = error.errors(include_url=False)
    unknown = [one for one in details if one["type"] == "extra_forbidden"]
    if unknown:
        return _unknown_key(unknown[0]["loc"], where)
    return _wrong_value(details[0], where)


def _unknown_key(path: tuple[int | str, ...], where: str) -> UsageError:
    known = _keys_at(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
    remedy = f"Did you mean {_dotted((*path[:-1], near[0]))}?" if near else "Leave it out."
    return UsageError("E003", f"{where}: unknown key {_dotted(path)}", f"one of {', '.join(known)}", remedy)


def _wrong_value(detail: ErrorDetails, where: str) -> UsageError:
    path = _dotted(detail["loc"]) or "the recipe"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        return UsageError("E001", f"{where}: {path} is missing", "a value for it", f"Add {path}.")
    if detail["type"] == "value_error":
        return UsageError("E001", f"{where}: {path}: {message}", "settings that go together", "Change one.")
    got = str(detail["input"])
    shown = got if len(got) <= 60 else f"{got[:57]}..."
    expected = message.removeprefix("Input should be ").replace("a valid tuple", "a list")
    remedy = suggest(got, re.findall(r"'([^']+)'", message), f"Change {path}.", cutoff=0.5)
    return UsageError("E001", f"{where}: {path} = {shown}", expected, remedy)


def _keys_at(path: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the schema knows at a path."""
    kind: object = Recipe
    for part in path:
        kind = _inner(kind, str(part))
    return list(kind.model_fields) if _is_model(kind) else []


def _inner(kind: object, key: str) -> object:
    if _is_model(kind):
        return _unwrapped(kind.model_fields[key].annotation)
    return _unwrapped(get_args(kind)[1]) if get_origin(kind) is dict else None


def _is_model(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _unwrapped(annotation: object) -> object:
    """Take a model out of `... | None`."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(one for one in get_args(annotation) if one is not type(None))
    return annotation


def _dotted(path: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in path)


def _kind(value: object) -> str:
    named = {type(None): "nothing", dict: "keys and values", list: "a list"}
    return named.get(type(value), repr(value))
