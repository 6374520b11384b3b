"""Outlook: how long a training goes on, by its own steps, told when losses are read anyway: nothing waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass

WARM_STEPS = 3
"""Steps that are complete before the clock starts: they are slower."""
TIMED_STEPS = 10
"""Steps that are timed at least."""


@dataclass(slots=True)
class Outlook:
    """The pace of one phase, in one process.

    Attributes:
        first: step of the run that the phase, or this call, began with.
        mark: step and moment, s, from which steps are timed; None until some are warm.
        per_step: seconds of a step; None until enough were timed.
    """

    first: int = 0
    mark: tuple[int, float] | None = None
    per_step: float | None = None

    def note(self, step: int, now: float | None = None) -> bool:
        """Note that the device has done a step, and tell whether the pace has just become known.

        Args:
            step: of the run, the last one that is complete.
            now: the moment, s, by the monotonic clock.
        """
        now = time.monotonic() if now is None else now
        if self.per_step is not None or step - self.first < WARM_STEPS:
            return False
        if self.mark is None:
            self.mark = step, now
            return False
        n_steps = step - self.mark[0]
        if n_steps < TIMED_STEPS:
            return False
        self.per_step = (now - self.mark[1]) / n_steps
        return True
