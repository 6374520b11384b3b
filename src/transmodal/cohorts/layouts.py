"""Layouts: how data lie in a folder. A module of this package with a `find` is one, found by its file's name.

A layout offers `find(folder)`, and `look(folder)`, which also tells what was left aside and why. One that can
be told something has a frozen dataclass `Options`, all of whose fields have defaults, as second parameter.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from transmodal.cohorts import release
from transmodal.cohorts.case import CaseFiles, CaseMaker, Found, PartlyMeasured
from transmodal.errors import InputError, UsageError

_FIND = re.compile(r"^def find\(", re.MULTILINE)


def names() -> list[str]:
    """List the layouts without importing them."""
    here = Path(__file__).parent
    return sorted(path.stem for path in here.glob("*.py") if _FIND.search(path.read_text(encoding="utf-8")))


def look(name: str, folder: Path, settings: Sequence[str] = ()) -> Found[CaseMaker]:
    """Find the cases of a folder that lies as a layout says.

    Args:
        name: of the layout.
        folder: where the data lie.
        settings: what the layout is told, as `KEY=VALUE`; a tuple's values are divided by commas.

    Raises:
        UsageError: E002 for an unknown layout, E003 for an unknown key, E001 for a value it cannot have.
        InputError: what is wrong with the folder.
    """
    module = _module(name)
    options = options_of(name, settings)
    try:
        found: Found[CaseMaker] = module.look(folder) if options is None else module.look(folder, options)
    except InputError as error:
        if error.code in ("E100", "E131") and Path(folder).is_dir():
            release.refuse_dangling(Path(folder))  # what is missing may be what a link leads to
        raise
    measured = release.measured(folder)
    if measured is None:
        return found
    return found._replace(cases=[_partly(case, measured) for case in found.cases])


def options_of(name: str, settings: Sequence[str] = ()) -> object:
    """Return a layout's `Options` with these settings; None where it has none.

    Raises:
        UsageError: as `look`.
    """
    kind = getattr(_module(name), "Options", None)
    defaults = {} if kind is None else {one.name: one.default for one in fields(kind)}
    given = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(
                "E001", f"--with {setting}", "KEY=VALUE", f"Keys of {name}: {_listed(defaults)}."
            )
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, n=1)
            hint = f"Did you mean {near[0]}?" if near else "Leave it out."
            raise UsageError("E003", f"--with {setting} for {name}", _listed(defaults), hint)
        given[key] = _value(setting, value, defaults[key])
    return None if kind is None else kind(**given)


def _partly(case: CaseMaker, measured: frozenset[str]) -> CaseMaker:
    if isinstance(case, CaseFiles):  # a survey reads its files one by one
        return replace(case, simulated=case.simulated | (case.volumes.keys() - measured))
    return PartlyMeasured(case, measured)


def _module(name: str) -> ModuleType:
    name = name if name in names() else name.rstrip("0123456789")  # `synthrad2023`: releases tell their year
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"Did you mean {near[0]}?" if near else "transmodal prepare --help tells more."
        raise UsageError("E002", f"the layout {name!r}", ", ".join(names()), hint)
    return importlib.import_module(f"{__package__}.{name}")


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


def _listed(defaults: dict[str, Any]) -> str:
    return ", ".join(sorted(defaults)) or "no setting at all"
