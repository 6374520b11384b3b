"""Parts of evaluation.json do not change once read, and hold no key that is not known."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from transmodal.evaluation.records.figures import Figure, RegionFigure

FIELDS = {
    "case": "c1", "patient": "p1", "translator": "unet", "metric": "psnr", "unit": "dB", "protocol": "whole",
}  # fmt: skip


def test_a_figure_may_be_missing_with_a_reason() -> None:
    figure = Figure.model_validate({**FIELDS, "value": None, "note": "infinite"})
    assert figure.value is None
    assert figure.note == "infinite"
    assert Figure.model_validate({**FIELDS, "value": 3}).note == ""


def test_parts_are_frozen_and_strict_about_keys() -> None:
    figure = Figure.model_validate({**FIELDS, "value": 3.0})
    with pytest.raises(ValidationError, match="frozen"):
        figure.value = 4.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="sd"):
        Figure.model_validate({**FIELDS, "value": 3.0, "sd": 0.1})
    with pytest.raises(ValidationError, match="metric"):
        Figure.model_validate({key: FIELDS[key] for key in FIELDS if key != "metric"} | {"value": 1.0})


def test_the_mean_of_a_region_has_to_be_a_number() -> None:
    with pytest.raises(ValidationError, match="measured"):
        RegionFigure.model_validate(
            {
                "case": "c",
                "patient": "p",
                "translator": "t",
                "region": "CSF",
                "n": 3,
                "measured": "much",
                "synthetic": 1,
            }
        )
