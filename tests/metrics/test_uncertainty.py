"""Whether a disagreement says where errors are: figures against cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.metrics.uncertainty import by_part, measure, sparsification, spearman

ERRORS = np.array([1.0, 2, 3, 4])


def test_tenths_by_hand() -> None:
    error, doubt = np.arange(20.0), np.arange(20.0)[::-1]
    found = by_part(error, doubt)
    assert found.disagreement == pytest.approx([0.5 + 2 * n for n in range(10)])
    assert found.error == pytest.approx([18.5 - 2 * n for n in range(10)])


def test_a_voxel_on_the_border_of_two_parts_counts_in_both() -> None:
    found = by_part(np.array([1.0, 10, 100]), np.array([1.0, 2, 3]), parts=2)
    assert found.error == pytest.approx([(1 + 5) / 1.5, (5 + 100) / 1.5])
    assert by_part(np.array([7.0]), np.array([3.0])).error == pytest.approx(
        [7.0] * 10
    )  # one voxel, ten parts
    few = by_part(np.array([2.0, 4, 9]), np.array([5.0, 1, 2]))
    assert np.mean(few.error) == pytest.approx(5.0)
    assert few.error[0] == pytest.approx(4.0)
    assert few.error[9] == pytest.approx(2.0)


def test_equal_disagreements_share_their_error() -> None:
    found = by_part(np.array([0.0, 4, 1, 5]), np.array([1.0, 1, 2, 2]), parts=4)
    assert found.error == pytest.approx([2, 2, 3, 3])
    swapped = by_part(np.array([4.0, 0, 5, 1]), np.array([1.0, 1, 2, 2]), parts=4)
    assert swapped == found
    assert sparsification(np.array([0.0, 4]), np.ones(2)).ause == pytest.approx(
        sparsification(np.array([4.0, 0]), np.ones(2)).ause
    )


def test_spearman_by_hand() -> None:
    assert spearman(ERRORS, ERRORS**2) == 1
    assert spearman(ERRORS, -ERRORS) == -1
    assert spearman(ERRORS, np.array([1.0, 3, 2, 4])) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert spearman(ERRORS, np.array([1.0, 1, 2, 2])) == pytest.approx(4 / math.sqrt(5 * 4))


def test_sparsification_by_hand() -> None:
    # Left are 1, 2, 3, 4 voxels: by the error their means are 1, 1.5, 2, 2.5, and against it 4, 3.5, 3, 2.5.
    assert sparsification(ERRORS, ERRORS).ause == 0
    worst = sparsification(ERRORS, -ERRORS)
    assert worst.ause == pytest.approx((3.25 - 1.75) / 2.5)
    assert worst.random == pytest.approx((2.5 - 1.75) / 2.5)
    # By 1, 3, 2, 4: 1, 2, 2, 2.5.
    assert sparsification(ERRORS, np.array([1.0, 3, 2, 4])).ause == pytest.approx((1.875 - 1.75) / 2.5)


def test_what_has_no_order_has_no_correlation() -> None:
    constant = np.full(4, 0.3)
    assert math.isnan(spearman(ERRORS, constant))
    assert math.isnan(spearman(constant, ERRORS))
    assert math.isnan(spearman(ERRORS[:1], constant[:1]))
    by_constant = sparsification(ERRORS, constant)
    assert by_constant.ause == pytest.approx(by_constant.random)
    assert by_part(ERRORS, constant).error == pytest.approx([2.5] * 10)
    assert sparsification(constant, ERRORS) == pytest.approx((0, 0))
    assert all(map(math.isnan, sparsification(np.zeros(4), ERRORS)))
    assert by_part(np.zeros(4), ERRORS).error == (0.0,) * 10


def test_only_the_mask_counts() -> None:
    rng = np.random.default_rng(0)
    x, y, doubt = rng.random((3, 4, 5, 6))
    mask = rng.random(x.shape) > 0.4
    found = measure(x, y, doubt, mask=mask)
    assert found.n == mask.sum()
    assert found.spearman == pytest.approx(spearman(np.abs(x - y)[mask], doubt[mask]))
    assert np.mean(found.tenths.error) == pytest.approx(np.abs(x - y)[mask].mean())
    x[~mask] += 100
    doubt[~mask] -= 7
    assert measure(x, y, doubt, mask=mask) == found
    assert measure(x, y, doubt).n == x.size


def test_colour_counts_voxels() -> None:
    rng = np.random.default_rng(1)
    x, y, doubt = rng.integers(0, 255, (3, 3, 4, 5, 3)).astype(np.uint8)
    found = measure(x, y, doubt, mask=np.ones((3, 4, 5), bool))
    error = np.abs(x.astype(float) - y).mean(axis=-1)
    assert found.n == 60
    assert found.tenths == by_part(error.ravel(), doubt.astype(float).mean(axis=-1).ravel())
    assert measure(x, y, doubt) == found


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda x, mask: (x, x, x[:1], mask), "E130"),
        (lambda x, mask: (x, x[:1], x, mask), "E130"),
        (lambda x, mask: (x, x, x, mask & False), "E124"),
        (lambda x, mask: (x, x, np.where(mask, x, np.nan), mask), "E120"),
    ],
)
def test_what_cannot_be_judged_is_refused(spoil, code: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    x = np.random.default_rng(2).random((3, 4, 5))
    mask = x > 0.2
    reference, synthetic, doubt, region = spoil(x, mask)
    with pytest.raises(InputError) as caught:
        measure(reference, synthetic, doubt, mask=region)
    assert caught.value.code == code
