"""The import of what typer writes pages with, without the parts of rich that no page of ours has: a third of the time."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from transmodal.storage.process_memory.collecting import pause_collecting

_WRITER = "typer.rich_utils"
_UNUSED = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}
"""Classes that typer imports at once; pages in another markup, or of another program in this process, may need them later."""


def import_pages() -> None:
    """Import typer's writer of pages; rich's Markdown and tracebacks are imported when they are first used.

    The many objects that it makes are none that Python's collector would find.
    """
    if _WRITER in sys.modules:
        return
    absent = [name for name in _UNUSED if name not in sys.modules]
    try:
        for name in absent:
            sys.modules[name] = _later_module(name)
        with pause_collecting():
            importlib.import_module(_WRITER)
    finally:
        for name in absent:
            del sys.modules[name]


class _Later(type):
    """A class that is another one, which is imported at its first use."""

    def __call__(cls, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        return _class_of(cls)(*arguments, **options)

    def __getattr__(cls, name: str) -> Any:  # noqa: ANN401
        return getattr(_class_of(cls), name)


def _later_module(name: str) -> ModuleType:
    module = ModuleType(name)
    setattr(module, _UNUSED[name], _Later(_UNUSED[name], (), {"__module__": name}))
    return module


def _class_of(later: type) -> Any:  # noqa: ANN401
    return getattr(importlib.import_module(later.__module__), later.__name__)
