"""Progress bars with time left, on standard error, quiet where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bars:
    """Named bars that grow as they are told of work done.

    Without a terminal each bar prints one line when it ends, so that logs stay short.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, int] = {}
        self._ended: set[str] = set()

    def advance(self, what: str, done: int, total: int, note: str = "") -> None:
        """Show that `done` of `total` of `what` is done."""
        if what not in self._tasks:
            self._tasks[what] = int(self._progress.add_task(what, total=total, note=""))
        self._progress.update(self._tasks[what], completed=done, total=total, note=note)  # type: ignore[arg-type]  # TaskID is an int
        if done >= total and what not in self._ended:
            self._ended.add(what)
            if not self._progress.console.is_terminal:
                self._progress.console.print(f"{what}: {done}/{total} {note}".rstrip(), highlight=False)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line, highlight=False)


@contextmanager
def bars() -> Iterator[Bars]:
    """Show bars for as long as the block runs."""
    console = Console(file=sys.stderr)
    progress = Progress(
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
