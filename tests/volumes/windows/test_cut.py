from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from transmodal.errors import UsageError
from transmodal.volumes.windows.cut import (
    Cutting,
    Kind,
    Window,
    cut,
    foreground_fraction,
    list_windows,
)

SHAPE = (7, 10, 5)
PLANES = ((10, 5), (7, 5), (7, 10))


def numbered(shape: tuple[int, ...] = SHAPE, dtype: DTypeLike = np.int16) -> NDArray[Any]:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_native_slice_is_the_slice(axis: int) -> None:
    array = numbered()
    windows = list_windows(SHAPE, Cutting(), axis)
    assert len(windows) == SHAPE[axis]
    for n, window in enumerate(windows):
        assert window.axis == axis
        assert window.start[axis] == n
        got = cut(array, window, Cutting(), fill=0)
        assert got.shape == (1, *PLANES[axis])
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got[0], array.take(n, axis=axis))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_colour_comes_channels_first(axis: int) -> None:
    array = numbered((*SHAPE, 3))
    got = cut(array, list_windows(SHAPE, Cutting(), axis)[2], Cutting(size=(12, 12)), fill=-1)
    assert got.shape == (3, 12, 12)
    alone = cut(array[..., 1], list_windows(SHAPE, Cutting(), axis)[2], Cutting(size=(12, 12)), fill=-1)
    np.testing.assert_array_equal(got[1], alone[0])


def test_pad_and_crop_are_centred() -> None:
    array = numbered()
    got = cut(array, Window(2, (0, 0, 3)), Cutting(size=(10, 6)), fill=-1)
    np.testing.assert_array_equal(got[0, 1:8], array[:, 2:8, 3])
    assert (got[0, :1] == -1).all()
    assert (got[0, 8:] == -1).all()


def test_without_a_size_sides_are_padded_to_the_multiple() -> None:
    got = cut(numbered(), Window(2, (0, 0, 3)), Cutting(multiple=8), fill=-1)
    assert got.shape == (1, 8, 16)
    assert cut(numbered(), Window(2, (0, 0, 3)), Cutting(multiple=1), fill=-1).shape == (1, 7, 10)


def test_fill_is_not_wrapped_by_the_volume_s_type() -> None:
    array = numbered(dtype=np.uint16)
    assert cut(array, Window(2, (0, 0, 3)), Cutting(size=(10, 10)), fill=-1024)[0, 0, 0] == -1024
    patch = cut(array, Window(-1, (-2, 0, 0)), Cutting("patch", size=(4, 4, 4)), fill=-1024)
    assert patch[0, 0, 0, 0] == -1024
    for window, cutting in (
        (Window(2, (0, 0, 3)), Cutting(size=(10, 10))),
        (Window(-1, (-2, 0, 0)), Cutting("patch", size=(4, 4, 4))),
    ):
        with pytest.raises(UsageError, match="fill"):
            cut(array, window, cutting, fill=-1024, labels=True)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("depth", [1, 3, 9])
def test_slabs_repeat_the_edge_and_run_channel_by_channel(axis: int, depth: int) -> None:
    array = numbered((*SHAPE, 3))
    cutting = Cutting("slab", depth=depth)
    for n, window in enumerate(list_windows(SHAPE, cutting, axis)):
        got = cut(array, window, cutting, fill=0).reshape(3, depth, *PLANES[axis])
        for channel in range(3):
            for step in range(depth):
                index = min(max(n + step - depth // 2, 0), SHAPE[axis] - 1)
                np.testing.assert_array_equal(got[channel, step], array[..., channel].take(index, axis=axis))


def test_the_centre_of_a_slab_is_its_middle_slice() -> None:
    array = numbered()
    slab = Cutting("slab", size=(8, 12), depth=5)
    assert slab.centre() == Cutting("slice", size=(8, 12))
    for window in list_windows(SHAPE, slab, 2):
        middle = cut(array, window, slab, fill=0)[2:3]
        np.testing.assert_array_equal(cut(array, window, slab.centre(), fill=0), middle)
    patch = Cutting("patch", size=(4, 4, 4))
    assert patch.centre() is patch


def test_labels_keep_their_type_and_values() -> None:
    array = np.random.default_rng(3).choice([0, 4, 9], SHAPE).astype(np.uint8)
    for cutting in (Cutting(size=(13, 6), fit="ignore"), Cutting(size=(13, 6), fit="keep"), Cutting()):
        got = cut(array, Window(1, (0, 4, 0)), cutting, fill=0, labels=True)
        assert got.dtype == np.uint8
        assert set(np.unique(got)) == {0, 4, 9}
    patch = cut(array, Window(-1, (5, 0, 0)), Cutting("patch", size=(4, 4, 4)), fill=3, labels=True)
    assert patch.dtype == np.uint8
    assert (patch[0, 2:] == 3).all()


def test_labels_lie_where_the_image_lies() -> None:
    array = np.zeros((30, 21, 1), np.uint8)
    array[9:20, 4:11] = 1
    for size in ((60, 42), (15, 10), (37, 50)):
        cutting = Cutting(size=size, fit="ignore")
        image = cut(array, Window(2, (0, 0, 0)), cutting, fill=0)[0]
        labels = cut(array, Window(2, (0, 0, 0)), cutting, fill=0, labels=True)[0]
        assert (labels == (image > 0.5)).mean() > 0.95


@pytest.mark.parametrize("kind", ["slice", "slab", "patch"])
def test_windows_of_a_mapped_file_are_new_arrays(kind: Kind, tmp_path: Path) -> None:
    np.save(tmp_path / "voxels.npy", numbered(dtype=np.float32))
    mapped = np.load(tmp_path / "voxels.npy", mmap_mode="r")
    size = {"patch": (2, 2, 2)}.get(kind)
    cutting = Cutting(kind, size=size, depth=3 if kind == "slab" else 1)
    window = list_windows(SHAPE, cutting, None if kind == "patch" else 0)[1]
    got = cut(mapped, window, cutting, fill=0)
    assert type(got) is np.ndarray
    assert got.flags.writeable
    assert got.flags.c_contiguous
    got[:] = 7
    np.testing.assert_array_equal(mapped, numbered())


def test_the_foreground_is_the_mask_s_share_of_the_window() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 3:7, 3] = True
    window = Window(2, (0, 0, 3))
    assert foreground_fraction(mask, window, Cutting()) == 12 / 70
    assert foreground_fraction(mask, Window(2, (0, 0, 2)), Cutting()) == 0
    assert foreground_fraction(mask, window, Cutting("slab", depth=3)) == 12 / 70
    assert foreground_fraction(mask, window, Cutting(size=(3, 4))) == 1
    assert foreground_fraction(mask, window, Cutting(size=(10, 20))) == 12 / 200
    assert foreground_fraction(mask, window, Cutting(size=(50, 9), fit="ignore")) == pytest.approx(12 / 70)
    assert foreground_fraction(mask, window, Cutting(size=(50, 50), fit="keep")) == pytest.approx(12 / 100)
    assert foreground_fraction(mask * 5, window, Cutting()) == 12 / 70
    patch = Cutting("patch", size=(4, 4, 4))
    assert foreground_fraction(mask, Window(-1, (3, 6, 1)), patch) == 2 / 64
    assert foreground_fraction(mask, Window(-1, (-2, -1, 1)), patch) == 0


def test_a_window_outside_the_volume_is_a_mistake() -> None:
    for n in (-1, SHAPE[2]):
        with pytest.raises(IndexError):
            cut(numbered(), Window(2, (0, 0, n)), Cutting(), fill=0)
