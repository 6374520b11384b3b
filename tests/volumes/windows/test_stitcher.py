"""Windows come back into the volume that they were cut from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from transmodal.errors import InternalError
from transmodal.volumes.windows.cut import (
    Cutting,
    Fit,
    Stitcher,
    Window,
    cut,
    list_windows,
)

SHAPE = (7, 10, 5)


def numbered(shape: tuple[int, ...] = SHAPE, dtype: DTypeLike = np.int16) -> NDArray[Any]:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def there_and_back(array: NDArray[Any], cutting: Cutting, axis: int | None) -> NDArray[np.float32]:
    colour = array.ndim == 4
    stitcher = Stitcher(array.shape[:3], cutting, channels=3 if colour else 1)
    for window in list_windows(array.shape, cutting, axis):
        stitcher.add(window, cut(array, window, cutting.centre(), fill=-99))
    return stitcher.result()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("size", [None, (16, 10), (11, 13)])
def test_padded_slices_come_back_bit_by_bit(axis: int, size: tuple[int, int] | None) -> None:
    array = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    cutting = Cutting(size=size, multiple=1 if size else 8)
    np.testing.assert_array_equal(there_and_back(array, cutting, axis), array)


def test_colour_comes_back_channels_last() -> None:
    array = numbered((*SHAPE, 3), np.float32)
    back = there_and_back(array, Cutting(size=(12, 12)), 1)
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, array)


def test_slabs_come_back_by_their_centre() -> None:
    array = numbered(dtype=np.float32)
    np.testing.assert_array_equal(there_and_back(array, Cutting("slab", depth=3), 0), array)


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("size", [(4, 4, 4), (3, 8, 5), (16, 16, 16), (1, 10, 2)])
def test_patches_cover_and_blend_to_what_they_were(size: tuple[int, int, int], overlap: float) -> None:
    array = np.random.default_rng(1).uniform(-1, 1, SHAPE).astype(np.float32)
    cutting = Cutting("patch", size=size, overlap=overlap)
    windows = list_windows(SHAPE, cutting, None)
    assert len(set(windows)) == len(windows)
    for axis, (n, side) in enumerate(zip(SHAPE, size, strict=True)):
        starts = sorted({window.start[axis] for window in windows})
        if n > side:
            assert (starts[0], starts[-1]) == (0, n - side)
            assert max(np.diff(starts)) <= max(1, np.ceil(side * (1 - overlap)))
        else:
            assert starts == [-((side - n) // 2)]
    np.testing.assert_allclose(there_and_back(array, cutting, None), array, atol=1e-6)


def test_colour_patches_come_back() -> None:
    array = np.random.default_rng(2).uniform(-1, 1, (*SHAPE, 3)).astype(np.float32)
    cutting = Cutting("patch", size=(4, 12, 4))
    np.testing.assert_allclose(there_and_back(array, cutting, None), array, atol=1e-6)


def test_seams_between_patches_are_smooth() -> None:
    cutting = Cutting("patch", size=(16, 1, 1), overlap=0.5)
    stitcher = Stitcher((40, 1, 1), cutting)
    for n, window in enumerate(list_windows((40, 1, 1), cutting, None)):
        stitcher.add(window, np.full((1, 16, 1, 1), n % 2, np.float32))
    assert np.abs(np.diff(stitcher.result()[:, 0, 0])).max() < 0.25


@pytest.mark.parametrize("fit", ["keep", "ignore"])
@pytest.mark.parametrize(
    ("size", "at_the_edge", "inside"),
    [((64, 64), 0.02, 0.004), ((40, 56), 0.03, 0.005), ((30, 36), 0.03, 0.01), ((30, 20), 0.2, 0.03)],
)
def test_resized_slices_of_a_smooth_image_come_back_nearly(
    fit: Fit, size: tuple[int, int], at_the_edge: float, inside: float
) -> None:
    i, j, k = np.indices((41, 50, 3)) / 50
    array = (np.sin(5 * i + k) * np.cos(4 * j) + i).astype(np.float32)
    back = there_and_back(array, Cutting(size=size, fit=fit), 2)
    error = np.abs(back - array)
    assert error.max() < at_the_edge
    assert error[4:-4, 4:-4].max() < inside


def test_padding_is_not_mixed_into_what_is_resized() -> None:
    array = np.full((20, 41, 2), 6, np.int16)
    for size in ((64, 64), (30, 30), (7, 9)):
        cutting = Cutting(size=size, fit="keep")
        assert set(np.unique(cut(array, Window(2, (0, 0, 1)), cutting, fill=-1000).round(4))) == {-1000, 6}
        np.testing.assert_allclose(there_and_back(array, cutting, 2), 6, atol=1e-5)


def test_a_side_of_less_than_a_pixel_is_not_lost() -> None:
    array = np.full((1, 100, 1), 6, np.int16)
    for size in ((10, 10), (11, 10)):
        cutting = Cutting(size=size, fit="keep")
        window = cut(array, Window(2, (0, 0, 0)), cutting, fill=0)[0]
        assert (window > 5).any(axis=1).sum() in (1, 2)
        np.testing.assert_allclose(there_and_back(array, cutting, 2), 6, atol=1e-5)


def test_what_crops_does_not_cover_but_can_be_made_to() -> None:
    array = numbered(dtype=np.float32)
    cutting = Cutting("slab", size=(4, 12), depth=3, multiple=4)
    with pytest.raises(InternalError, match="150 voxels that no window covers") as caught:
        there_and_back(array, cutting, 2)
    assert caught.value.code == "E601"
    covering = cutting.covering(SHAPE, 2)
    assert covering == Cutting("slab", size=(8, 12), depth=3, multiple=4)
    np.testing.assert_array_equal(there_and_back(array, covering, 2), array)


def test_a_missing_slice_is_noticed() -> None:
    array = numbered(dtype=np.float32)
    stitcher = Stitcher(SHAPE, Cutting())
    for window in list_windows(SHAPE, Cutting(), 0)[1:]:
        stitcher.add(window, cut(array, window, Cutting(), fill=0))
    with pytest.raises(InternalError, match="50 voxels"):
        stitcher.result()
    patches = Stitcher(SHAPE, Cutting("patch", size=(4, 4, 4)))
    with pytest.raises(InternalError, match="350 voxels"):
        patches.result()


def test_values_that_are_not_numbers_count_as_covered() -> None:
    stitcher = Stitcher((1, 2, 2), Cutting())
    stitcher.add(Window(0, (0, 0, 0)), np.full((1, 2, 2), np.nan))
    assert np.isnan(stitcher.result()).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 10, 5), (1, 10, 6), (10, 5)])
def test_windows_of_another_shape_are_not_spread(shape: tuple[int, ...]) -> None:
    with pytest.raises(InternalError, match="shape"):
        Stitcher(SHAPE, Cutting()).add(Window(0, (2, 0, 0)), np.zeros(shape))
    with pytest.raises(InternalError, match="shape"):
        Stitcher(SHAPE, Cutting("patch", size=(4, 4, 4))).add(Window(-1, (0, 0, 0)), np.zeros(shape))
