"""Progress with time left: bars on standard error, lines in a notebook, short where there is no terminal."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as _Rich

from transmodal.progress import Progress, Silent

_PAUSE_SECONDS = 0.5
_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


class Bars:
    """Named bars that grow as work is complete.

    Without a terminal each bar prints one line when it ends, so that logs stay short.
    """

    def __init__(self, progress: _Rich) -> None:
        self._progress = progress
        self._tasks: dict[str, int] = {}
        self._ended: set[str] = set()

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        """Show that `completed` of the `total` items of a stage are complete."""
        if stage not in self._tasks:
            self._tasks[stage] = int(self._progress.add_task(stage, total=total, note=""))
        self._progress.update(self._tasks[stage], completed=completed, total=total, note=note)  # type: ignore[arg-type]  # TaskID is an int
        if completed >= total and stage not in self._ended:
            self._ended.add(stage)
            if not self._progress.console.is_terminal:
                self._progress.console.print(f"{stage}: {completed}/{total} {note}".rstrip(), highlight=False)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line, highlight=False)


class Notebook:
    """One line of text for each thing under way, in a notebook's output cell, with the time that is left.

    Args:
        show: shows a text in a new place of the cell and returns a function that changes it there.
    """

    def __init__(self, show: Callable[[str], Callable[[str], None]]) -> None:
        self._show = show
        self._lines: dict[str, _Line] = {}

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        """Show that `completed` of the `total` items of a stage are complete, at most twice a second."""
        line = self._lines.get(stage)
        text = f"{stage}: {completed}/{total}"
        if line is None:
            line = self._lines[stage] = _Line(self._show(f"{text} {note}".rstrip()))
        now = time.monotonic()
        if completed < total and now - line.changed_at < _PAUSE_SECONDS:
            return
        line.changed_at = now
        remaining = (now - line.began) / completed * (total - completed) if completed else 0.0
        more = (
            f", {remaining / 60:.0f} min left"
            if remaining >= 60
            else f", {remaining:.0f} s left"
            if remaining >= 1
            else ""
        )
        line.change(f"{text}{more} {note}".rstrip())

    def say(self, line: str) -> None:
        """Print a line below."""
        print(line)


class _Line:
    """A line that is shown, and since when."""

    def __init__(self, change: Callable[[str], None]) -> None:
        self.change = change
        self.began = self.changed_at = time.monotonic()


@contextmanager
def quietly(quiet: bool) -> Iterator[None]:
    """Show neither progress nor notes while the block runs, where that is wanted."""
    before = _QUIET.set(quiet)
    try:
        yield
    finally:
        _QUIET.reset(before)


@contextmanager
def bars() -> Iterator[Progress]:
    """Show progress for as long as the block runs: bars on a terminal, lines in a notebook, ends in a log."""
    if _QUIET.get():
        yield Silent()
        return
    show = _notebook()
    if show is not None:
        yield Notebook(show)
        return
    console = Console(file=sys.stderr)
    progress = _Rich(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not console.is_terminal,
    )
    with progress:
        yield Bars(progress)


def _notebook() -> Callable[[str], Callable[[str], None]] | None:
    """Return a function that shows a text in a notebook's cell; None outside notebooks."""
    # A notebook's kernel has imported it: nothing is imported here that is not there.
    shell = sys.modules.get("IPython.core.getipython")
    running = shell.get_ipython() if shell is not None else None
    if type(running).__name__ != "ZMQInteractiveShell":
        return None
    display = importlib.import_module("IPython.display")

    def show(text: str) -> Callable[[str], None]:
        handle = display.display({"text/plain": text}, raw=True, display_id=True)
        return lambda changed: handle.update({"text/plain": changed}, raw=True)

    return show
