"""One paper, one place: a translator is found by the name of its file or package and imported when it is asked for.

Comes in: a name and its settings. Goes out: the `Translator` with its networks, players and losses.
Open first: `_base.py`, the one interface; then the paper's own file, or `translator.py` of its package.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from transmodal import plugins
from transmodal.errors import UsageError, suggest

if TYPE_CHECKING:
    from transmodal.plugins import Plugin
    from transmodal.translators._base import Translator, TranslatorConfig


def names() -> list[str]:
    """List the translators, those of plugins among them, without importing any."""
    return plugins.names("translators", own_names())


def own_names() -> list[str]:
    """List the translators of this package."""
    rooms = [
        path
        for path in Path(__file__).parent.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    return sorted(path.stem for path in rooms if not path.stem.startswith("_"))


def plugin_of(name: str) -> Plugin | None:
    """Return the plugin that a translator comes from; None for one of this package.

    Raises:
        UsageError: E004 where two distributions have one of that name.
    """
    return plugins.find("translators", name, own_names())


def config_of(name: str) -> type[TranslatorConfig]:
    """Return a translator's settings class, whose defaults are the paper's values.

    Raises:
        UsageError: E002 when there is no translator of that name.
        ResourceError: E404 for a plugin that cannot be loaded.
    """
    config: type[TranslatorConfig] = module_of(name).Config
    return config


def build(name: str, settings: Mapping[str, Any]) -> Translator[Any]:
    """Build a translator from settings.

    Raises:
        UsageError: E002 for an unknown name, E003 for an unknown setting, E001 for a value it cannot have.
        ResourceError: E404 for a plugin that cannot be loaded.
    """
    module = module_of(name)
    importlib.import_module("transmodal.nets.blocks").settle()
    translator: Translator[Any] = module.build(checked(name, settings))
    return translator


def checked(name: str, settings: Mapping[str, Any]) -> TranslatorConfig:
    """Check settings against a translator's `Config`.

    Raises:
        UsageError: as `build`.
    """
    config = config_of(name)
    try:
        return config.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            hint = suggest(key, config.model_fields, "Remove it.")
            fields = ", ".join(sorted(config.model_fields))
            raise UsageError("E003", f"{name} has no setting {key}", f"one of {fields}", hint) from error
        raise UsageError(
            "E001",
            f"{name} with {key or 'these settings'} = {first['input']!r}",
            first["msg"],
            "Correct the recipe's settings.",
        ) from error


def completed(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's settings with what it was made with before some of them could be set.

    Raises:
        UsageError: E002 when there is no translator of that name.
    """
    return {**config_of(name).earlier, **settings}


def module_of(name: str) -> Any:  # noqa: ANN401 - a module, whose contents the contract tests check
    """Import a translator's module, with its `Config` and `build`.

    Raises:
        UsageError, ResourceError: as `build`.
    """
    plugin = plugin_of(name)
    if plugin is not None:
        return plugins.load(plugin, "Config", "build")
    if name not in names():
        hint = suggest(name, names(), "See: transmodal translators.")
        raise UsageError("E002", f"no translator {name!r}", ", ".join(names()), hint)
    return importlib.import_module(f"transmodal.translators.{name}")
