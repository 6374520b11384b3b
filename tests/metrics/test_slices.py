from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.metrics.checks import Array, Mask
from transmodal.metrics.slices import over_slices
from transmodal.metrics.suite.voxels import mae


def _mae(reference: Array, synthetic: Array, mask: Mask | None) -> float:
    return mae(reference, synthetic, mask=mask)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_averaged_along_the_axis(axis: int) -> None:
    x, y = np.random.default_rng(axis).random((2, 3, 4, 5))
    got = over_slices(_mae, x, y, axis=axis)
    expected = [mae(x.take(i, axis), y.take(i, axis)) for i in range(x.shape[axis])]
    assert got.values == pytest.approx(expected)
    assert got.mean == pytest.approx(np.mean(expected))
    assert (got.n_used, got.excluded) == (x.shape[axis], 0)


def test_slices_outside_the_mask_are_left_out_and_counted() -> None:
    x, y = np.random.default_rng(1).random((2, 4, 5, 6, 3))
    mask = np.zeros((4, 5, 6), bool)
    mask[1, 2, 3] = mask[3, 0, 0] = True
    got = over_slices(_mae, x, y, axis=0, mask=mask)
    assert got.values == pytest.approx(
        [abs(x[1, 2, 3] - y[1, 2, 3]).mean(), abs(x[3, 0, 0] - y[3, 0, 0]).mean()]
    )
    assert (got.n_used, got.excluded) == (2, 2)


def test_an_empty_mask_is_refused_before_any_slice() -> None:
    x = np.ones((2, 3, 4))
    with pytest.raises(InputError, match="no voxels") as caught:
        over_slices(_mae, x, x, axis=1, mask=np.zeros(x.shape, bool))
    assert caught.value.code == "E124"


def test_slices_without_content_are_left_out_and_other_errors_are_not() -> None:
    x = np.ones((3, 4, 2))

    def refusing(code: str) -> float:
        raise InputError(code, "a slice", "another", "Give it.")

    def metric(reference: Array, synthetic: Array, mask: Mask | None) -> float:
        return refusing("E124") if reference[0, 0] == 5 else 1.0

    y = x.copy()
    y[..., 0] = 5
    got = over_slices(metric, y, y, axis=2)
    assert (got.mean, got.n_used, got.excluded) == (1, 1, 1)
    with pytest.raises(InputError, match="without content"):
        over_slices(metric, 5 * x, 5 * x, axis=2)
    with pytest.raises(InputError, match="a slice"):
        over_slices(lambda *_: refusing("E121"), x, x, axis=2)
