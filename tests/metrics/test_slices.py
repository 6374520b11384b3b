from __future__ import annotations

import numpy as np
import pytest

from refusals import refusal
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


def test_a_refusal_counts_the_slices() -> None:
    def metric(reference: Array, synthetic: Array, mask: Mask | None) -> float:
        raise InputError("E124", "a slice", "another", "Give it.")

    x = np.ones((3, 4, 5))
    assert refusal(lambda: over_slices(metric, x, x, axis=1)) == (
        "error[E124]: 4 slices without content; expected one slice or more to compare. Leave this metric out."
    )
    assert "one shape" in refusal(lambda: over_slices(_mae, x, x[1:], axis=1))


def test_a_metric_gets_the_slices_and_their_part_of_the_mask() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    mask = x > 5
    seen: list[tuple[Array, Array, Mask | None]] = []

    def metric(reference: Array, synthetic: Array, part: Mask | None) -> float:
        seen.append((reference, synthetic, part))
        return float(len(seen))

    got = over_slices(metric, x, -x, axis=2, mask=mask)
    assert (got.mean, got.values.tolist(), got.n_used, got.excluded) == (2.5, [1, 2, 3, 4], 4, 0)
    for index, (reference, synthetic, part) in enumerate(seen):
        np.testing.assert_array_equal(reference, x[:, :, index])
        np.testing.assert_array_equal(synthetic, -x[:, :, index])
        assert part is not None
        np.testing.assert_array_equal(part, mask[:, :, index])
    seen.clear()
    over_slices(metric, x, x, axis=0)
    assert [part for _, _, part in seen] == [None, None]
