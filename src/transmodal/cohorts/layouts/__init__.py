"""Layouts: how data lie in a folder. A module of this package with a `find` is one, found by its file's name.

A layout offers `find(folder)`, and `look(folder)`, which also tells what was left aside and why. One that can
be told something has a frozen dataclass `Options`, all of whose fields have defaults, as second parameter.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import textwrap
from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from transmodal.cohorts import release_files
from transmodal.cohorts.case import CaseFiles, CaseMaker, Found, PartlyMeasured
from transmodal.errors import InputError, UsageError, suggest
from transmodal.volumes.reading import STRICT, Reading

_FIND = re.compile(r"^def find\(", re.MULTILINE)


def names() -> list[str]:
    """List the layouts without importing them."""
    here = Path(__file__).parent
    return sorted(path.stem for path in here.glob("*.py") if _FIND.search(path.read_text(encoding="utf-8")))


def look(
    name: str, folder: Path, settings: Sequence[str] = (), reading: Reading = STRICT
) -> Found[CaseMaker]:
    """Find the cases of a folder that lies as a layout says.

    Args:
        name: of the layout.
        folder: where the data lie.
        settings: what the layout is told, as `KEY=VALUE`; a tuple's values are divided by commas.
        reading: how image files are read where they leave something open.

    Raises:
        UsageError: E002 for an unknown layout, E003 for an unknown key, E001 for a value it cannot have.
        InputError: what is wrong with the folder.
    """
    module = _module(name)
    options = options_of(name, settings)
    try:
        found = _looked(module, folder, options, reading)
    except InputError as error:
        if error.code in ("E100", "E131") and Path(folder).is_dir():
            release_files.refuse_dangling(Path(folder))  # what is missing may be what a link leads to
        raise
    measured = release_files.measured(folder)
    cases = [replace(case, reading=reading) for case in found.cases]  # type: ignore[type-var]  # layouts give dataclasses
    if measured is not None:
        cases = [_partly(case, measured) for case in cases]
    return found._replace(cases=cases)


def _looked(module: ModuleType, folder: Path, options: object, reading: Reading) -> Found[CaseMaker]:
    arguments = [folder] if options is None else [folder, options]
    # One that reads images while it looks, to divide them, is told how.
    told = {"reading": reading} if "reading" in inspect.signature(module.look).parameters else {}
    found: Found[CaseMaker] = module.look(*arguments, **told)
    return found


def chosen(found: Found[CaseMaker], subjects: Sequence[str]) -> Found[CaseMaker]:
    """Return what was found of some subjects alone; all of it where none is named.

    Args:
        found: by a layout.
        subjects: names of cases or patients, BIDS' `sub-` before them or not; a patient's name takes all visits.

    Raises:
        InputError: E132 for a name of no case that can be prepared.
    """
    if not subjects:
        return found
    wanted = dict.fromkeys(_plain(name) for name in subjects)
    names = {id(case): {_plain(case.id), _plain(case.patient)} for case in found.cases}
    absent = [name for name in subjects if not any(_plain(name) in mine for mine in names.values())]
    if absent:
        known = sorted({case.patient for case in found.cases} | {case.id for case in found.cases})
        why = next((line for line in found.left_out if _is_of(line, absent[0])), "")
        near = difflib.get_close_matches(absent[0], known, n=1) or known[:1]
        raise InputError(
            "E132",
            f"no subject {absent[0]} to prepare{f'; left out: {why}' if why else ''}",
            f"names of cases or patients, such as {', '.join(near) or 'none that was found'}",
            "Correct --subjects; --dry-run without it lists every case and what is left out.",
        )
    cases = [case for case in found.cases if names[id(case)] & wanted.keys()]
    left_out = [line for line in found.left_out if any(_is_of(line, name) for name in subjects)]
    sides = {case.id: found.sides[case.id] for case in cases if case.id in found.sides}
    return found._replace(cases=cases, left_out=left_out, sides=sides)


def _plain(subject: str) -> str:
    return subject.removeprefix("sub-")


def _is_of(line: str, subject: str) -> bool:
    """Tell whether a line about what is left out begins with a subject's name."""
    return re.match(rf"{re.escape(_plain(subject))}(?![A-Za-z0-9])", _plain(line)) is not None


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
                "E001", f"--with {setting}", "KEY=VALUE", f"See transmodal prepare {name} --help."
            )
        if key not in defaults:
            hint = suggest(key, defaults, f"See transmodal prepare {name} --help.")
            raise UsageError("E003", f"--with {setting} for {name}", _listed(defaults), hint)
        given[key] = _value(setting, value, defaults[key])
    return None if kind is None else kind(**given)


def is_layout(name: str) -> bool:
    """Tell whether a layout is called so, the year of its release behind it or not."""
    return name in names() or name.rstrip("0123456789") in names()


def described(name: str) -> str:
    """Return what a layout expects on the disk, and its keys with their defaults, as plain text.

    Raises:
        UsageError: E002 for an unknown layout.
    """
    module, keys = _module(name), keys_of(name)
    lines = [f"Layout {name}", "", (inspect.getdoc(module) or "").strip(), ""]
    lines += ["Keys, each said as --with KEY=VALUE:" if keys else "No keys.", ""]
    for key, (meaning, default) in keys.items():
        text = f"{meaning} Default: {default}." if default else meaning
        lines += textwrap.wrap(
            f"{key}: {text}", 100, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
        )
    return "\n".join([*lines, "", f"Example: transmodal prepare {name} FOLDER --dry-run"])


def keys_of(name: str) -> dict[str, tuple[str, str]]:
    """Return a layout's keys: what each means, as its `Options` document it, and its default, empty where it has none.

    Raises:
        UsageError: E002 for an unknown layout.
    """
    kind = getattr(_module(name), "Options", None)
    if kind is None:
        return {}
    documented = _attributes(inspect.getdoc(kind) or "")
    return {field.name: (documented[field.name], _shown(field.default)) for field in fields(kind)}


def _attributes(text: str) -> dict[str, str]:
    """Return what a Google-style docstring says of attributes, by name."""
    section = text.partition("Attributes:\n")[2].partition("\n\n")[0]
    entries = re.split(r"^    (?=\w+: )", section, flags=re.MULTILINE)[1:]
    pairs = (entry.partition(": ") for entry in entries)
    return {name: " ".join(meaning.split()) for name, _, meaning in pairs}


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _partly(case: CaseMaker, measured: frozenset[str]) -> CaseMaker:
    if isinstance(case, CaseFiles):  # a survey reads its files one by one
        return replace(case, simulated=case.simulated | (case.volumes.keys() - measured))
    return PartlyMeasured(case, measured)


def _module(name: str) -> ModuleType:
    name = name if name in names() else name.rstrip("0123456789")  # `synthrad2023`: releases tell their year
    if name not in names():
        hint = suggest(name, names(), "See transmodal prepare --help.")
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
