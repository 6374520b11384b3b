"""Counts of work that is complete, for progress, and how long the rest may take."""

from __future__ import annotations

import statistics

from transmodal.experiments.design import Key
from transmodal.progress import Progress, Silent


class Counter:
    """Counts items of a stage as they are complete, and reports them."""

    def __init__(self, progress: Progress | None, stage: str, total: int) -> None:
        self._progress: Progress = progress or Silent()
        self._stage = stage
        self._total = total
        self._completed = 0

    def __call__(self, _key: object, _result: object) -> None:
        """Count one more."""
        self.advance()

    def advance(self, note: str = "") -> None:
        """Count one more, with a note beside the count."""
        self._completed += 1
        self._progress.advance(self._stage, self._completed, self._total, note)


class Remaining:
    """Estimates the time that the remaining trainings take: a row's as long as its others took."""

    def __init__(self, keys: list[Key], workers: int) -> None:
        self._waiting = keys
        self._workers = workers
        self._seconds: dict[str, list[float]] = {}

    def complete(self, key: Key, seconds: float | None) -> None:
        """Take a training off the remaining ones.

        Args:
            key: of the training.
            seconds: that it took; None where there was nothing left to do.
        """
        self._waiting = [training for training in self._waiting if training != key]
        if seconds is not None:
            self._seconds.setdefault(key[0], []).append(seconds)

    def note(self) -> str:
        """Return the estimate in words; empty before there is one, and when all is complete."""
        means = {row: statistics.fmean(seconds) for row, seconds in self._seconds.items()}
        if not means or not self._waiting:
            return ""
        typical = statistics.fmean(means.values())
        seconds = sum(means.get(row, typical) for row, _ in self._waiting) / self._workers
        return f"about {max(1, round(seconds / 60))} min left"
