"""Figures of rows: matrices by seed and patient, and figures that a case lacks."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.experiments.study.matrices import mean_at, mean_figure, values_of
from transmodal.experiments.study.record import StudyFigure

SEEDS = [
    [{"patient": "a", "mae": 1.0}, {"patient": "a", "mae": 3.0}, {"patient": "b", "mae": 5.0}],
    [{"patient": "a", "mae": 2.0}, {"patient": "a", "mae": 2.0}, {"patient": "b", "mae": 7.0}],
]
PLACE = StudyFigure(table="T", row="unet", figure="MAE", value=None, note="HU")


def test_cases_of_a_patient_are_averaged() -> None:
    values = values_of(SEEDS, lambda case: float(case["mae"]))
    assert values == pytest.approx(np.array([[2.0, 5.0], [2.0, 7.0]]))
    assert values_of(SEEDS, lambda case: None if case["patient"] == "b" else 1.0) is None


def test_a_figure_that_is_lacking_says_why() -> None:
    assert mean_figure(PLACE, None, "no value").note == "no value"
    whole = mean_figure(PLACE, np.array([[2.0, 4.0]]), "no value")
    assert (whole.value, whole.interval, whole.n, whole.note) == (3.0, None, 2, "HU")


def test_a_mean_stands_at_its_place_with_its_interval() -> None:
    figure = mean_at("T", "unet", "group", "MAE", np.arange(8.0))
    assert (figure.table, figure.row, figure.group, figure.figure) == ("T", "unet", "group", "MAE")
    assert (figure.value, figure.n) == (3.5, 8)
    assert figure.interval is not None
    assert figure.interval[0] < 3.5 < figure.interval[1]
