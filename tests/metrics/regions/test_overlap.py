from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics.regions.overlap import Overall, by_structure, dice, hd95, overall

SPACING = (1.0, 2.0, 3.0)


def box(shape: tuple[int, int, int], *sides: tuple[int, int]) -> NDArray[np.bool_]:
    made = np.zeros(shape, bool)
    made[tuple(slice(*side) for side in sides)] = True
    return made


def test_dice_by_hand() -> None:
    one = box((9, 7, 5), (1, 5), (1, 5), (1, 3))  # 32 voxels
    other = box((9, 7, 5), (3, 7), (1, 5), (1, 3))  # 32, of which 16 in common
    assert dice(one, other) == pytest.approx(0.5)
    assert dice(one, one) == 1


@pytest.mark.parametrize(("axis", "mm"), [(0, 1.0), (1, 2.0), (2, 3.0)])
def test_a_plate_that_moved_is_off_by_so_many_millimetres(axis: int, mm: float) -> None:
    shape = (11, 12, 13)
    one, other = np.zeros(shape, bool), np.zeros(shape, bool)
    one[tuple(4 if n == axis else slice(None) for n in range(3))] = True
    other[tuple(7 if n == axis else slice(None) for n in range(3))] = True
    assert hd95(one, other, SPACING) == pytest.approx(3 * mm)
    assert hd95(one, one, SPACING) == 0


def test_the_percentile_is_of_distances_and_the_larger_direction_counts() -> None:
    # A line of 40 voxels beside one of 30: ten of the longer are 1 to 10 mm off, all of the shorter 0.
    long, short = box((50, 3, 3), (5, 45), (1, 2), (1, 2)), box((50, 3, 3), (5, 35), (1, 2), (1, 2))
    by_hand = float(np.percentile([0.0] * 30 + list(range(1, 11)), 95))
    assert hd95(long, short, (1, 1, 1)) == pytest.approx(by_hand)
    assert hd95(short, long, (1, 1, 1)) == pytest.approx(by_hand)


def test_one_far_voxel_among_a_hundred_does_not_count() -> None:
    one = box((60, 14, 3), (2, 12), (2, 12), (1, 2))
    other = one.copy()
    other[50, 5, 1] = True
    assert hd95(one, other, (1, 1, 1)) == 0


def test_only_surfaces_count_and_a_hole_has_one() -> None:
    whole = box((14, 14, 14), (2, 12), (2, 12), (2, 12))
    hollow = whole & ~box((14, 14, 14), (4, 10), (4, 10), (4, 10))
    # The hole's 6 * 36 surface voxels lie one voxel under the outer 488; the other way all distances are 0.
    assert hd95(whole, hollow, (1, 1, 1)) == pytest.approx(1.0)


def test_what_only_one_has_is_as_far_as_the_volume_reaches() -> None:
    one, none = box((4, 5, 6), (1, 2), (1, 2), (1, 2)), np.zeros((4, 5, 6), bool)
    for pair in ((one, none), (none, one)):
        assert dice(*pair) == 0
        assert hd95(*pair, SPACING) == pytest.approx(math.hypot(3 * 1, 4 * 2, 5 * 3))


def test_what_neither_has_is_no_figure() -> None:
    none = np.zeros((4, 5, 6), bool)
    assert math.isnan(dice(none, none))
    assert math.isnan(hd95(none, none, SPACING))


def test_a_single_slice_and_a_single_voxel() -> None:
    one, other = box((6, 6, 1), (1, 4), (1, 4), (0, 1)), box((6, 6, 1), (2, 5), (1, 4), (0, 1))
    assert hd95(one, other, SPACING) == pytest.approx(1.0)
    point = np.ones((1, 1, 1), bool)
    assert dice(point, point) == 1
    assert hd95(point, point, SPACING) == 0


def test_structures_by_label_and_their_mean() -> None:
    x, y = np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 4), np.int16)
    x[1:4, 1:4, 1:3], y[1:4, 1:4, 1:3] = 2, 2
    x[5:7, 5:7, 1:3], y[5:7, 4:6, 1:3] = 1, 1
    y[0, 7, 3] = 7
    figures = by_structure(x, y, (1, 1, 1))
    assert [(one.label, one.n_reference, one.n_synthetic) for one in figures] == [
        (1, 8, 8),
        (2, 18, 18),
        (7, 0, 1),
    ]
    diagonal = math.hypot(7, 7, 3)
    assert [one.dice for one in figures] == pytest.approx([0.5, 1, 0])
    assert [one.hd95_mm for one in figures] == pytest.approx([1, 0, diagonal])
    assert overall(figures) == pytest.approx(Overall(0.5, (1 + diagonal) / 3))


def test_structures_that_neither_has_do_not_enter_the_mean() -> None:
    x = np.zeros((4, 4, 4), np.uint8)
    x[1:3, 1:3, 1:3] = 1
    figures = by_structure(x, x, (1, 1, 1), labels=[3, 1])
    assert [one.label for one in figures] == [1, 3]
    assert math.isnan(figures[1].dice)
    assert overall(figures) == Overall(1.0, 0.0)
    assert all(math.isnan(one) for one in overall(by_structure(x * 0, x * 0, (1, 1, 1))))


def test_refusals() -> None:
    one = np.ones((3, 3, 3), bool)
    with pytest.raises(InputError) as shapes:
        dice(one, one[:2])
    with pytest.raises(InputError) as flat:
        by_structure(one[0], one[0], (1, 1, 1))
    with pytest.raises(UsageError) as spacing:
        hd95(one, one, (1, 0, 1))
    assert [one.value.code for one in (shapes, flat, spacing)] == ["E130", "E130", "E001"]
