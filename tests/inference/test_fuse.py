"""Fusing passes."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.inference.fuse import fuse, plane_disagreement


def passes() -> list[np.ndarray]:
    return [np.full((2, 3, 1), value, dtype=np.float32) for value in (0.0, 1.0, 5.0)]


@pytest.mark.parametrize(("how", "value"), [("mean", 2.0), ("median", 1.0)])
def test_fuse(how: str, value: float) -> None:
    fused = fuse(passes(), "mean" if how == "mean" else "median")
    assert fused.shape == (2, 3, 1)
    assert fused.dtype == np.float32
    np.testing.assert_allclose(fused, value)


def test_one_pass_is_itself() -> None:
    one = passes()[2]
    np.testing.assert_array_equal(fuse([one], "median"), one)


def test_disagreement_is_the_standard_deviation() -> None:
    np.testing.assert_allclose(plane_disagreement(passes()), np.std([0.0, 1.0, 5.0]), rtol=1e-6)
