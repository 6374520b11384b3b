"""The settings of a layout: parsed from `KEY=VALUE`, and described from the docstring of its `Options`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Sequence
from dataclasses import MISSING, fields
from typing import Any, NamedTuple

from transmodal.errors import UsageError, suggest


class Key(NamedTuple):
    """A key that can be set with `--with`.

    Attributes:
        meaning: as the docstring of `Options` says.
        default: as it would be written; empty where the default is nothing.
    """

    meaning: str
    default: str


def parse(options: type[Any], layout: str, settings: Sequence[str]) -> object:
    """Return a layout's options with some settings.

    Args:
        options: the layout's dataclass `Options`.
        layout: name of the layout, for messages.
        settings: as `KEY=VALUE`; a tuple's values are divided by commas.

    Raises:
        UsageError: E003 for an unknown key, E001 for a value that it cannot have.
    """
    defaults = {field.name: field.default for field in fields(options)}
    values = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(
                "E001", f"--with {setting}", "KEY=VALUE", f"See transmodal prepare {layout} --help."
            )
        if key not in defaults:
            hint = suggest(key, defaults, f"See transmodal prepare {layout} --help.")
            raise UsageError("E003", f"--with {setting} for {layout}", _listed(defaults), hint)
        values[key] = _value(setting, text, defaults[key])
    return options(**values)


def describe(options: type[Any]) -> dict[str, Key]:
    """Return the keys of a layout's dataclass `Options`, as its docstring documents them."""
    documented = _attributes(inspect.getdoc(options) or "")
    return {
        field.name: Key(documented[field.name], _default_text(field.default)) for field in fields(options)
    }


def _attributes(text: str) -> dict[str, str]:
    """Return what a Google-style docstring says of attributes, by name."""
    section = text.partition("Attributes:\n")[2].partition("\n\n")[0]
    entries = re.split(r"^    (?=\w+: )", section, flags=re.MULTILINE)[1:]
    pairs = (entry.partition(": ") for entry in entries)
    return {name: " ".join(meaning.split()) for name, _, meaning in pairs}


def _default_text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _value(setting: str, text: str, default: object) -> object:
    """Read a setting's text as a value of the default's type."""
    assert default is not MISSING, "an option without a default"
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise UsageError("E001", f"--with {setting}", "true or false", "Choose one.")
        return text == "true"
    if isinstance(default, tuple):
        return tuple(part for part in text.split(",") if part)
    if not isinstance(default, (int, float)):
        return text
    try:
        return type(default)(text)
    except ValueError as error:
        raise UsageError("E001", f"--with {setting}", "a number", "Correct it.") from error


def _listed(keys: Collection[str]) -> str:
    return ", ".join(sorted(keys)) or "no setting at all"
