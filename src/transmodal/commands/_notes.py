"""Notes on translations as a user reads them on the terminal: each once, however many images it is of."""

from __future__ import annotations

from collections.abc import Sequence

from transmodal.inference.memory import MemoryEstimate
from transmodal.progress import Progress


class Notes:
    """Says each note once, however many images it is of."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lines: set[str] = set()
        self._peak = 0

    def say(self, notes: Sequence[str]) -> None:
        """Say the notes that were not said before."""
        for note in notes:
            if note not in self._lines:
                self._lines.add(note)
                self._progress.say(f"note: {note}")

    def say_memory(self, estimate: MemoryEstimate) -> None:
        """Say what the first image takes, and every later one that takes clearly more."""
        if estimate.peak > 1.1 * self._peak:
            self._peak = estimate.peak
            self._progress.say(estimate.line())
