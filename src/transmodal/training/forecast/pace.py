"""Pace: how long each part of a training takes on a device, and how long all of it takes by that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from transmodal.progress import duration
from transmodal.training.planning.workload import Workload


class StepPace(NamedTuple):
    """The steps of one phase that were timed.

    Attributes:
        seconds: of a step, once all is warm.
        extra: that the first steps took more: memory is laid out, kernels are chosen, networks compiled.
        steps: how many were timed.
    """

    seconds: float
    extra: float
    steps: int


class FeaturePace(NamedTuple):
    """The storing of a frozen encoder's features.

    Attributes:
        seconds: of one window.
        windows: that are not stored yet.
        n_bytes: of one window's features.
    """

    seconds: float
    windows: int
    n_bytes: int


NO_FEATURES = FeaturePace(0.0, 0, 0)
"""Of a training that stores none."""


class Pace(NamedTuple):
    """Seconds that the parts of a training take on this device.

    Attributes:
        start: before the first step, planning included.
        opening: of one case's arrays, when they are first read.
        steps: by phase.
        validation: of one case, translated and scored; the mean over their sizes.
        drawing: of a validation's picture.
        save_last: of a checkpoint with optimisers.
        save_best: of one without them.
        features: of the features that are stored.
        device_peak: bytes of the card that were taken at most; 0 on a CPU.
    """

    start: float
    opening: float
    steps: Mapping[str, StepPace]
    validation: float
    drawing: float
    save_last: float
    save_best: float
    features: FeaturePace = NO_FEATURES
    device_peak: int = 0

    def parts(self, work: Workload) -> dict[str, float]:
        """Return the seconds of a whole training, part by part."""
        paces = [(phase.steps, self.steps[phase.name]) for phase in work.phases]
        return {
            "start": self.start + self.opening * work.cases,
            "features": self.features.seconds * self.features.windows,
            "steps": sum(pace.extra + n * pace.seconds for n, pace in paces),
            "validation": self.validation * work.translations + self.drawing * work.validations,
            "saving": self.save_last * work.saves + self.save_best * work.validations,
        }

    def line(self, work: Workload) -> str:
        """Return how long a training takes on one line, with its parts and what was timed."""
        parts = self.parts(work)
        listed = ", ".join(
            f"{name} {duration(seconds)}" for name, seconds in parts.items() if seconds >= 0.05
        )
        steps = "; ".join(
            f"{pace.seconds:.3g} s per step{'' if len(self.steps) == 1 else f' of {name}'}, {pace.steps} timed"
            for name, pace in self.steps.items()
        )
        return f"time: about {duration(sum(parts.values()))}: {listed} ({steps})"

    def to_json(self, work: Workload) -> dict[str, Any]:
        """Return it as `--json` prints it, seconds by part and in all."""
        parts = self.parts(work)
        return {
            "seconds": round(sum(parts.values()), 2),
            "parts": {name: round(seconds, 3) for name, seconds in parts.items()},
            "per_step": {name: round(pace.seconds, 5) for name, pace in self.steps.items()},
            "steps_timed": {name: pace.steps for name, pace in self.steps.items()},
            "per_validation_case": round(self.validation, 4),
        }
