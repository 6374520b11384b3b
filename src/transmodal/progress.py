"""Progress: how work reports how far it is, to a terminal, to a notebook or into the void."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

CountProgress = Callable[[int, int], None]
"""Called with the number of items that are complete, and of all items."""
StageProgress = Callable[[str, int, int], None]
"""Called with the name of a stage, the number of its items that are complete, and of all its items."""


class Progress(Protocol):
    """Where work reports to: bars on a terminal, a line in a notebook, nothing in tests."""

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        """Show that `completed` of the `total` items of a stage are complete."""
        ...

    def say(self, line: str) -> None:
        """Show a line."""
        ...


class Silent:
    """Progress that shows nothing."""

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""


def report_stage(progress: Progress | None, stage: str) -> StageProgress | None:
    """Return a callback that reports the items of one stage by their names; None where nothing is shown."""
    if progress is None:
        return None
    return lambda item, completed, total: progress.advance(stage, completed, total, item)


def duration(seconds: float) -> str:
    """Return seconds in words of at most three digits, such as `0.4 s`, `12 min` or `3.5 h`."""
    for unit, factor, least in (("days", 86400, 172800), ("h", 3600, 7200), ("min", 60, 120)):
        if seconds >= least:
            return f"{seconds / factor:.{0 if seconds >= 10 * factor else 1}f} {unit}"
    return f"{seconds:.{0 if seconds >= 10 else 1}f} s"
