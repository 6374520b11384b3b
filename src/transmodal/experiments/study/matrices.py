"""Figures of a row by seed and patient, gathered from the contents of its cases, and their means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import by_patient, describe
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.units import Content

Seeds = Sequence[Sequence[Content]]
"""Contents of the cases of every run of a row, each with a `patient`."""


def values_of(seeds: Seeds, pick: Callable[[Content], float | None]) -> Values | None:
    """Return a figure of a row as `(seeds, patients)`; None where a case has none."""
    figures = [[(str(case["patient"]), pick(case)) for case in cases] for cases in seeds]
    if any(value is None for cases in figures for _, value in cases):
        return None
    return np.array(
        [list(by_patient((name, value or 0.0) for name, value in cases).values()) for cases in figures],
        dtype=np.float64,
    )


def mean_figure(place: StudyFigure, values: Values | None, absent: str) -> StudyFigure:
    """Return a figure with the mean of its values and their interval, or with the reason that there are none."""
    if values is None:
        return place.model_copy(update={"note": absent})
    of_values = describe(values)
    changes = {"value": of_values.mean, "interval": of_values.of_mean, "n": of_values.n}
    return StudyFigure.model_validate({**place.model_dump(), **changes})
