"""Curves: the step that costs a tenth by hand, values by seed and patient, and steps that a case lacks."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.experiments.study.studies.misalignment.curves import MoveCurve, curve_of
from transmodal.experiments.study.units import Content


def case(patient: str, *maes: float) -> Content:
    rows = [
        {"kind": "scale", "step": float(n), "mae": mae, "ssim": 0.9, "mae at rest": 1.0, "ssim at rest": 1.0}
        for n, mae in enumerate(maes, start=1)
    ]
    return {"case": f"{patient}-1", "patient": patient, "unit": "HU", "rows": rows}


def curve(*seeds: list[Content]) -> MoveCurve:
    made = curve_of("unet", "scale", (1.0, 2.0, 3.0), seeds)
    assert made is not None
    return made


def test_the_step_that_costs_a_tenth_lies_between_steps() -> None:
    assert curve([case("a", 1.0, 1.2, 1.5)]).tolerance() == pytest.approx(1.5)
    assert curve([case("a", 1.2, 1.3, 1.5)]).tolerance() == pytest.approx(0.5)
    assert curve([case("a", 0.9, 1.0, 1.05)]).tolerance() is None


def test_values_are_by_seed_and_patient() -> None:
    made = curve(
        [case("a", 1, 2, 3), case("a", 3, 4, 5), case("b", 5, 6, 7)], [case("a", 0, 0, 0), case("b", 1, 1, 1)]
    )
    assert made.values["mae"][0].tolist() == [[2, 5], [0, 1]]
    assert made.baseline["ssim"][2].tolist() == [[1, 1], [1, 1]]
    assert made.unit == "HU"


def test_steps_beyond_one_that_a_case_lacks_are_left_out() -> None:
    assert curve([case("a", 1, 2, 3), case("b", 1, 2)]).steps == (1.0, 2.0)
    assert curve_of("unet", "scale", (1.0,), [[case("a")]]) is None


def test_no_error_at_rest_has_no_share() -> None:
    made = curve([case("a", 0.0, 1.0, 1.0)])._replace(baseline={"mae": (np.zeros((1, 1)),) * 3})
    assert made.rise(0) == 1.0
    assert made.rise(1) == float("inf")
