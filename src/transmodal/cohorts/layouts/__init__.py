"""Layouts: how data lie in a folder. Every module without a leading underscore is one, called by its file's name.

Comes in: a folder and a layout's name. Goes out: the folder's cases, and what was left aside (`FolderContents`).
Every layout keeps the protocol `Layout`.
Open first: `folders.py`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from transmodal import plugins
from transmodal.cohorts.layouts import _settings
from transmodal.cohorts.layouts._layout import FolderContents, Layout, WritableLayout
from transmodal.cohorts.layouts._settings import Key
from transmodal.cohorts.layouts._subjects import select_subjects
from transmodal.errors import InputError, UsageError, suggest

if TYPE_CHECKING:
    from transmodal.cohorts.case import CaseMaker
    from transmodal.volumes.reading import Reading

__all__ = [
    "FolderContents",
    "Key",
    "Layout",
    "WritableLayout",
    "describe",
    "find",
    "is_layout",
    "keys_of",
    "load",
    "names",
    "own_names",
    "parse_options",
    "select_subjects",
    "summaries",
]


def names() -> list[str]:
    """List the layouts, those of plugins among them, without importing any."""
    return plugins.names("layouts", own_names())


def own_names() -> list[str]:
    """List the layouts of this package."""
    modules = pkgutil.iter_modules(__path__)
    return sorted(module.name for module in modules if not module.name.startswith("_"))


def summaries() -> dict[str, str]:
    """Return one line for each layout, the first of its docstring, without importing any of them."""
    return {name: _summary(name) for name in names()}


def is_layout(name: str) -> bool:
    """Return whether a layout is called so, the year of its release behind it or not."""
    return name in names() or name.rstrip("0123456789") in names()


def load(name: str) -> Layout[Any]:
    """Import a layout.

    Args:
        name: of the layout; the year of a release may follow it, as in `synthrad2023`.

    Raises:
        UsageError: E002 for an unknown layout, E004 where two distributions have one of that name.
        ResourceError: E404 for a plugin that cannot be loaded.
    """
    stem = name if name in names() else name.rstrip("0123456789")
    plugin = plugins.find("layouts", stem, own_names())
    if plugin is not None:
        return cast("Layout[Any]", plugins.load(plugin, "Options", "find"))
    if stem not in names():
        hint = suggest(stem, names(), "See transmodal prepare --help.")
        raise UsageError("E002", f"the layout {stem!r}", ", ".join(names()), hint)
    return cast("Layout[Any]", importlib.import_module(f"{__name__}.{stem}"))


def find(
    name: str, folder: Path, settings: Sequence[str] = (), reading: Reading | None = None
) -> FolderContents[CaseMaker]:
    """Find the cases of a folder that lies as a layout says.

    Args:
        name: of the layout.
        folder: where the data lie.
        settings: of the layout, as `KEY=VALUE`; a tuple's values are divided by commas.
        reading: how image files are read where they leave something open; strictly by default.

    Raises:
        UsageError: E002 for an unknown layout, E003 for an unknown key, E001 for a value it cannot have.
        InputError: what is wrong with the folder.
    """
    # Readers of images are imported here: whoever lists the layouts, as the help does, needs none.
    from transmodal.cohorts import release_files
    from transmodal.volumes.reading import STRICT

    folder, options = Path(folder), parse_options(name, settings)
    try:
        contents = load(name).find(folder, options, reading or STRICT)
    except InputError as error:
        if error.code in ("E100", "E131") and folder.is_dir():
            release_files.refuse_dangling(folder)  # what is missing may be what a link leads to
        raise
    measured = release_files.measured_modalities(folder)
    if measured is None:
        return contents
    return contents._replace(cases=[_with_simulated(case, measured) for case in contents.cases])


def parse_options(name: str, settings: Sequence[str] = ()) -> object:
    """Return a layout's `Options` with these settings.

    Raises:
        UsageError: as `find`.
    """
    return _settings.parse(load(name).Options, name, settings)


def keys_of(name: str) -> dict[str, Key]:
    """Return what can be set of a layout, by key.

    Raises:
        UsageError: E002 for an unknown layout.
    """
    return _settings.describe(load(name).Options)


def describe(name: str) -> str:
    """Return what a layout expects on the disk, and its keys with their defaults, as plain text.

    Raises:
        UsageError: E002 for an unknown layout.
    """
    keys = keys_of(name)
    lines = [f"Layout {name}", "", (inspect.getdoc(load(name)) or "").strip(), ""]
    lines += ["Keys, each said as --with KEY=VALUE:" if keys else "No keys.", ""]
    for key, (meaning, default) in keys.items():
        text = f"{meaning} Default: {default}." if default else meaning
        lines += textwrap.wrap(
            f"{key}: {text}", 100, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
        )
    return "\n".join([*lines, "", f"Example: transmodal prepare {name} FOLDER --dry-run"])


def _summary(name: str) -> str:
    plugin = plugins.find("layouts", name, own_names())
    if plugin is None:
        return _docstring(name).partition("\n")[0]
    first = plugins.docstring(plugin).partition("\n")[0] or "Its module cannot be read."
    return f"{first} [{plugin.distribution.text()}]"


def _docstring(name: str) -> str:
    spec = find_spec(f"{__name__}.{name}")
    assert spec is not None, name
    assert spec.origin is not None, name
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""


def _with_simulated(case: CaseMaker, measured: frozenset[str]) -> CaseMaker:
    from transmodal.cohorts.case_files import CaseFiles, PartlyMeasured

    if isinstance(case, CaseFiles):  # a survey reads its files one by one
        return replace(case, simulated=case.simulated | (case.volumes.keys() - measured))
    return PartlyMeasured(case, measured)
