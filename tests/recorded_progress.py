"""Progress that is remembered, for tests of what is told."""

from __future__ import annotations


class RecordedProgress:
    """Progress that is remembered."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.calls: list[tuple[str, int, int, str]] = []

    def advance(self, what: str, done: int, total: int, note: str = "") -> None:
        self.calls.append((what, done, total, note))

    def say(self, line: str) -> None:
        self.lines.append(line)
