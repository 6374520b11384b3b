from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from transmodal.errors import InternalError, UsageError
from transmodal.volumes.windows.cut import (
    Cutting,
    Fit,
    Kind,
    Stitcher,
    Window,
    cut,
    foreground_fraction,
    list_windows,
)

SHAPE = (7, 10, 5)
PLANES = ((10, 5), (7, 5), (7, 10))


def numbered(shape: tuple[int, ...] = SHAPE, dtype: DTypeLike = np.int16) -> NDArray[Any]:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def there_and_back(array: NDArray[Any], cutting: Cutting, axis: int | None) -> NDArray[np.float32]:
    colour = array.ndim == 4
    stitcher = Stitcher(array.shape[:3], cutting, channels=3 if colour else 1)
    for window in list_windows(array.shape, cutting, axis):
        stitcher.add(window, cut(array, window, cutting.centre(), fill=-99))
    return stitcher.result()


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


def test_what_crops_does_not_cover_but_can_be_made_to() -> None:
    array = numbered(dtype=np.float32)
    cutting = Cutting("slab", size=(4, 12), depth=3, multiple=4)
    with pytest.raises(InternalError, match="150 voxels that no window covers") as caught:
        there_and_back(array, cutting, 2)
    assert caught.value.code == "E601"
    covering = cutting.covering(SHAPE, 2)
    assert covering == Cutting("slab", size=(8, 12), depth=3, multiple=4)
    np.testing.assert_array_equal(there_and_back(array, covering, 2), array)


@pytest.mark.parametrize(
    "cutting",
    [
        Cutting(multiple=4),
        Cutting(size=(4, 4), fit="keep"),
        Cutting(size=(4, 4), fit="ignore"),
        Cutting("patch", size=(4, 4, 4)),
    ],
)
def test_what_covers_stays_as_it_is(cutting: Cutting) -> None:
    axis = None if cutting.kind == "patch" else 2
    assert cutting.covering(SHAPE, axis) is cutting


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


@pytest.mark.parametrize("axis", [None, -1, 3])
def test_slices_need_an_axis(axis: int | None) -> None:
    with pytest.raises(UsageError, match="0, 1 or 2"):
        list_windows(SHAPE, Cutting(), axis)


def test_a_window_outside_the_volume_is_a_mistake() -> None:
    for n in (-1, SHAPE[2]):
        with pytest.raises(IndexError):
            cut(numbered(), Window(2, (0, 0, n)), Cutting(), fill=0)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"size": (4, 4, 4)}, "size"),
        ({"size": (0, 4)}, "size"),
        ({"kind": "patch", "size": (4, 4)}, "size"),
        ({"kind": "patch"}, "no size"),
        ({"fit": "keep"}, "no size"),
        ({"size": (12, 10), "multiple": 4}, "multiple"),
        ({"multiple": 0}, "multiple"),
        ({"kind": "slab", "depth": 2}, "depth"),
        ({"kind": "slab", "depth": -1}, "depth"),
        ({"kind": "slice", "depth": 3}, "depth"),
        ({"overlap": 1.0}, "overlap"),
        ({"overlap": -0.1}, "overlap"),
    ],
)
def test_cuttings_that_make_no_window_are_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named) as caught:
        Cutting(**settings)
    assert caught.value.code == "E001"
