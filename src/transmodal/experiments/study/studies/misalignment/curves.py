"""Curves over the steps of a move: values by seed and subject, the loss against rest, and the step that costs a share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.experiments.study.matrices import over_patients
from transmodal.experiments.study.units import Content

WORSE = 0.1
"""Share by which the error has to rise."""


class MoveCurve(NamedTuple):
    """Figures of one row and one kind of move.

    Attributes:
        row: of the runs.
        kind: of the move.
        steps: rising, without 0.
        unit: of the error.
        values: by metric, `(seeds, patients)` for every step.
        baseline: likewise, of the source where it lay.
    """

    row: str
    kind: str
    steps: tuple[float, ...]
    unit: str
    values: dict[str, tuple[Values, ...]]
    baseline: dict[str, tuple[Values, ...]]

    def rise(self, n: int) -> float:
        """Return the error at a step as a multiple of the error at rest, means over subjects; infinite above none."""
        baseline, mae = float(self.baseline["mae"][n].mean()), float(self.values["mae"][n].mean())
        return mae / baseline if baseline > 0 else float("inf") if mae > 0 else 1.0

    def tolerance(self) -> float | None:
        """Return the step at which the error is 10 % greater than at rest, linear between steps; None beyond the last."""
        before, low = 0.0, 1.0
        for n, step in enumerate(self.steps):
            high = self.rise(n)
            if high >= 1 + WORSE:
                return before + (step - before) * (1 + WORSE - low) / (high - low)
            before, low = step, high
        return None


def curve_of(
    row: str, kind: str, steps: Sequence[float], seeds: Sequence[Sequence[Content]]
) -> MoveCurve | None:
    """Return the curve of the contents of a row's runs, a sequence of cases each; None where no step has figures.

    Steps that a case has no figures of are left out, with all that lie beyond.
    """
    whole = []
    for step in steps:
        if any(_pick(case, kind, step) is None for cases in seeds for case in cases):
            break
        whole.append(step)
    if not whole:
        return None
    names = ("mae", "ssim")
    return MoveCurve(
        row,
        kind,
        tuple(whole),
        str(seeds[0][0]["unit"]),
        {name: tuple(_matrix(seeds, kind, step, name) for step in whole) for name in names},
        {name: tuple(_matrix(seeds, kind, step, f"{name} at rest") for step in whole) for name in names},
    )


def _matrix(seeds: Sequence[Sequence[Content]], kind: str, step: float, name: str) -> Values:
    rows = [
        over_patients(cases, [float((_pick(case, kind, step) or {})[name]) for case in cases])
        for cases in seeds
    ]
    return np.array(rows, dtype=np.float64)


def _pick(case: Content, kind: str, step: float) -> Content | None:
    rows: list[Content] = case["rows"]
    return next((row for row in rows if row["kind"] == kind and row["step"] == step), None)
