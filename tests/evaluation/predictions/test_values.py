"""Values of another unit than the target's are refused, and the remedies mend them."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.evaluation.predictions.values import check_unit, find_fault

DRAW = np.random.default_rng(0)
CT = np.where(DRAW.random((20, 20, 20)) < 0.4, -1000, DRAW.normal(60, 200, (20, 20, 20))).astype(np.float32)
FA = DRAW.random((20, 20, 20)).astype(np.float32)
MR = (FA * 900).astype(np.float32)


@pytest.mark.parametrize(
    ("predicted", "target", "unit", "part"),
    [
        ((CT + 1000) / 2000, CT, "HU", "scaled to"),
        (np.clip(CT / 1000, -1, 1), CT, "HU", "scaled to"),
        (np.clip((CT + 1000) / 8, 0, 255).astype(np.uint8), CT, "HU", "8 bits"),
        (CT + 1024, CT, "HU", "hardly a value below 0"),
        (np.where(CT.max() == CT, -1, CT + 1024), CT, "HU", "hardly a value below 0"),  # one voxel that is
        ((CT - CT.mean()) / CT.std(), CT, "HU", "where its target has"),  # z-scores
        (FA * 1000, FA, "FA", "values up to"),
        (np.round(FA * 255), FA, "FA", "values up to"),
        (MR / 900 / 1000, MR, "reference units", "where its target has"),
        (MR * 1000, MR, "reference units", "where its target has"),
    ],
)
def test_another_unit_is_refused(predicted: np.ndarray, target: np.ndarray, unit: str, part: str) -> None:
    with pytest.raises(InputError, match=part) as refused:
        check_unit(predicted, target, unit, "the volume")
    assert refused.value.code == "E125"
    assert "--rescale" in refused.value.remedy
    assert "--trust-values" in refused.value.remedy


@pytest.mark.parametrize(
    ("predicted", "target", "unit"),
    [
        (CT, CT, "HU"),
        (np.clip(CT, -200, 1000), CT, "HU"),
        (np.round(CT), CT, "HU"),
        (CT * 0.1, CT, "HU"),  # a poor translator is no other unit
        (FA * 0.2, FA, "FA"),
        (MR * 3, MR, "reference units"),
        (MR / 5, MR, "reference units"),
        (np.where(CT > 0, CT, 0.0), np.where(CT > 0, CT, 0.0), "HU"),  # masked to the inside on both sides
    ],
)
def test_the_targets_unit_is_taken(predicted: np.ndarray, target: np.ndarray, unit: str) -> None:
    assert find_fault(predicted, target, unit) == ""


def test_one_constant_value_is_no_image() -> None:
    with pytest.raises(InputError, match="one constant value") as refused:
        check_unit(np.zeros((4, 4, 4)), CT, "HU", "the volume")
    assert refused.value.code == "E124"
