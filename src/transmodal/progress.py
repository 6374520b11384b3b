"""Progress: the one protocol by which work says how far it is, on a terminal, in a notebook or to nobody."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of work done: bars on a terminal, a line in a notebook, nothing in tests."""

    def advance(self, what: str, done: int, total: int, note: str = "") -> None:
        """Show that `done` of `total` of `what` is done."""
        ...

    def say(self, line: str) -> None:
        """Show a line."""
        ...


class Silent:
    """Progress that nobody sees."""

    def advance(self, what: str, done: int, total: int, note: str = "") -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""
