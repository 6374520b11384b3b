"""How a slice's sides come to a window's."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.volumes.windows.cut import (
    Cutting,
    Window,
    cut,
)
from transmodal.volumes.windows.fitting import Side, nearest_voxels, resize_matrix, restore_matrix, sides_of


def test_keep_keeps_the_aspect_and_ignore_does_not() -> None:
    array = np.zeros((20, 40, 1), np.float32)
    array[4:16, 10:30] = 1
    window = Window(2, (0, 0, 0))
    kept = cut(array, window, Cutting(size=(80, 80), fit="keep"), fill=0)[0] > 0.5
    assert kept.any(axis=1).sum() == 24
    assert kept.any(axis=0).sum() == 40
    ignored = cut(array, window, Cutting(size=(80, 80), fit="ignore"), fill=0)[0] > 0.5
    assert ignored.any(axis=1).sum() == 48
    assert ignored.any(axis=0).sum() == 40
    padded = cut(array, window, Cutting(size=(80, 80), fit="keep"), fill=-7)[0]
    assert (padded[:18] == -7).all()
    assert (padded[22:58] >= 0).all()


def test_a_side_is_padded_or_cropped_by_whole_voxels() -> None:
    padded, cropped = Side(5, 9, 1.0), Side(9, 4, 1.0)
    assert (padded.resizes, padded.voxels, padded.pixels) == (False, slice(0, 5), slice(2, 7))
    assert (cropped.voxels, cropped.pixels) == (slice(2, 6), slice(0, 4))


def test_sides_come_to_the_size_or_to_the_multiple() -> None:
    shape = (10, 20, 7)
    assert sides_of(shape, 2, Cutting(multiple=8)) == (Side(10, 16, 1.0), Side(20, 24, 1.0))
    keep = sides_of(shape, 2, Cutting(size=(40, 40), fit="keep"))
    assert keep == (Side(10, 40, 0.5), Side(20, 40, 0.5))
    assert keep[0].pixels == slice(10, 30)
    assert sides_of(shape, 0, Cutting(size=(40, 14), fit="ignore")) == (Side(20, 40, 0.5), Side(7, 14, 0.5))


@pytest.mark.parametrize("side", [Side(7, 21, 1 / 3), Side(11, 5, 2.2), Side(20, 32, 0.8)])
def test_matrices_keep_a_ramp_there_and_back(side: Side) -> None:
    there, back = resize_matrix(side), restore_matrix(side)
    assert there.shape == (side.pixels.stop - side.pixels.start, side.n)
    assert back.shape == there.shape[::-1]
    ramp = np.arange(side.n, dtype=np.float32)
    inner = slice(3, -3)
    np.testing.assert_allclose((back @ (there @ ramp))[inner], ramp[inner], atol=0.02 * side.n)
    assert not there.flags.writeable  # it is shared


def test_nearest_voxels_are_those_under_the_pixels_centres() -> None:
    assert nearest_voxels(Side(3, 6, 0.5)).tolist() == [0, 0, 1, 1, 2, 2]
    assert nearest_voxels(Side(9, 3, 3.0)).tolist() == [1, 4, 7]
