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


def over_patients(cases: Sequence[Content], figures: Sequence[float]) -> Values:
    """Return one figure per patient, `(patients,)`: the mean of those of the patient's cases.

    Args:
        cases: each with a `patient`.
        figures: one of each case.
    """
    own = zip((str(case["patient"]) for case in cases), figures, strict=True)
    return np.array(list(by_patient(own).values()), dtype=np.float64)


def values_of(seeds: Seeds, pick: Callable[[Content], float | None]) -> Values | None:
    """Return a figure of a row as `(seeds, patients)`; None where a case has none."""
    rows = []
    for cases in seeds:
        figures = [figure for figure in map(pick, cases) if figure is not None]
        if len(figures) < len(cases):
            return None
        rows.append(over_patients(cases, figures))
    return np.array(rows, dtype=np.float64)


def mean_at(table: str, row: str, group: str, figure: str, values: Values) -> StudyFigure:
    """Return the mean of values, `(patients,)` or `(seeds, patients)`, with its interval, at a place of a table."""
    return mean_figure(StudyFigure(table=table, row=row, group=group, figure=figure, value=None), values, "")


def mean_figure(place: StudyFigure, values: Values | None, absent: str) -> StudyFigure:
    """Return a figure with the mean of its values and their interval, or with the reason that there are none."""
    if values is None:
        return place.model_copy(update={"note": absent})
    of_values = describe(values)
    changes = {"value": of_values.mean, "interval": of_values.of_mean, "n": of_values.n}
    return StudyFigure.model_validate({**place.model_dump(), **changes})
