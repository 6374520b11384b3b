from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from numbered import ORIENTATIONS, SHAPE, numbered, turned
from refusals import refusal
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import (
    bounding_box,
    crop,
    crop_or_pad,
    reorient,
    resample,
    working_grid,
)


def test_there_are_48_orientations() -> None:
    assert len(set(ORIENTATIONS)) == 48


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_reorient_moves_voxels_without_changing_them(orientation: str) -> None:
    volume = numbered(affine=turned() @ np.diag([0.9, 1.1, 3.0, 1.0]))
    moved = reorient(volume, orientation)
    assert moved.orientation == orientation
    index = np.argwhere(np.ones(SHAPE))
    place = np.rint(moved.grid.voxel(volume.grid.world(index))).astype(int)
    np.testing.assert_array_equal(moved.voxels[tuple(place.T)], volume.voxels[tuple(index.T)])
    back = reorient(moved, volume.orientation)
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    assert back.grid.same_as(volume.grid)


@pytest.mark.parametrize("orientation", ["RAA", "RA", "XYZ", "RLS", ""])
def test_reorient_refuses_what_names_no_three_axes(orientation: str) -> None:
    with pytest.raises(UsageError, match="three letters") as caught:
        reorient(numbered(), orientation)
    assert caught.value.code == "E001"


def test_reorient_keeps_colour_together() -> None:
    volume = numbered((*SHAPE, 3), dtype=np.uint8)
    moved = reorient(volume, "PIL")
    np.testing.assert_array_equal(moved.voxels[0, 0, 0], volume.voxels[-1, -1, -1])
    assert moved.voxels.dtype == np.uint8


def test_working_grid_keeps_spacing_for_none_and_turns_to_ras() -> None:
    volume = reorient(numbered(affine=turned() @ np.diag([0.9, 1.1, 3.0, 1.0])), "PIL")
    grid = working_grid(volume.grid, None)
    assert grid.orientation == "RAS"
    assert grid == reorient(volume).grid
    assert working_grid(volume.grid, (0.9, 1.1, 3.0)) == grid


def test_working_grid_keeps_centre_and_edges() -> None:
    grid = Grid((100, 101, 33), turned() @ np.diag([1.0, 1.0, 3.0, 1.0]))
    work = working_grid(grid, 2.0)
    assert work.spacing == pytest.approx((2, 2, 2))
    assert work.shape in {(50, 50, 50), (50, 51, 50), (50, 50, 49), (50, 51, 49)}
    middle = [(np.array(one.shape) - 1) / 2 for one in (grid, work)]
    np.testing.assert_allclose(grid.world(middle[0]), work.world(middle[1]), atol=1e-9)


def test_working_grid_has_at_least_one_voxel() -> None:
    assert working_grid(Grid((3, 1, 4), np.eye(4)), 20.0).shape == (1, 1, 1)


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan"), (1.0, float("inf"), 1.0)])
def test_working_grid_refuses_what_is_no_spacing(spacing: float | tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match="positive"):
        working_grid(Grid(SHAPE, np.eye(4)), spacing)


@pytest.mark.parametrize("shape", [(9, 7, 11), (8, 6, 9), (7, 6, 10)])
def test_padding_is_undone_by_cropping(shape: tuple[int, int, int]) -> None:
    volume = numbered()
    padded = crop_or_pad(volume, shape, fill=-1)
    assert padded.voxels.shape == shape
    assert (padded.voxels == -1).sum() == np.prod(shape) - np.prod(SHAPE)
    back = crop_or_pad(padded, SHAPE)
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    assert back.grid.same_as(volume.grid)


def test_crop_or_pad_is_centred_and_places_stay() -> None:
    volume = numbered()
    other = crop_or_pad(volume, (4, 8, 9), fill=-1)
    np.testing.assert_array_equal(other.voxels[:, 1:6], volume.voxels[1:5])
    assert (other.voxels[:, 0] == -1).all()
    assert (other.voxels[:, 6:] == -1).all()
    np.testing.assert_allclose(other.grid.world(np.array([0, 1, 0])), volume.grid.world(np.array([1, 0, 0])))
    assert other.voxels.dtype == np.int16


def test_crop_or_pad_refuses_an_empty_axis() -> None:
    with pytest.raises(InputError, match="one voxel or more"):
        crop_or_pad(numbered(), (4, 0, 9))


def test_bounding_box_and_crop() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2, 1, 3] = mask[4, 3, 8] = True
    box = bounding_box(mask)
    assert box == (slice(2, 5), slice(1, 4), slice(3, 9))
    volume = numbered()
    cropped = crop(volume, box)
    np.testing.assert_array_equal(cropped.voxels, volume.voxels[box])
    np.testing.assert_allclose(cropped.grid.origin, volume.grid.world(np.array([2, 1, 3])))
    assert bounding_box(mask * 7.5) == box


def test_bounding_box_of_two_parts_holds_both_and_of_none_is_refused() -> None:
    with pytest.raises(InputError, match="empty mask"):
        bounding_box(np.zeros(SHAPE, bool))


def test_crop_reads_slices_as_numpy_does() -> None:
    colour = numbered((*SHAPE, 3))
    box = (slice(None), slice(-2, None), slice(1, 100))
    cropped = crop(colour, box)
    np.testing.assert_array_equal(cropped.voxels, colour.voxels[box])
    np.testing.assert_allclose(cropped.grid.origin, colour.grid.world(np.array([0, 3, 1])))


def test_crop_refuses_steps_and_empty_boxes() -> None:
    with pytest.raises(UsageError, match="step 1"):
        crop(numbered(), (slice(None), slice(None), slice(0, 4, 2)))
    with pytest.raises(InputError, match="one voxel or more"):
        crop(numbered(), (slice(3, 3), slice(None), slice(None)))


def test_a_memory_mapped_volume_stays_untouched(tmp_path: Path) -> None:
    path = tmp_path / "voxels.npy"
    np.save(path, numbered().voxels)
    mapped = Volume(np.load(path, mmap_mode="r"), np.eye(4))
    for moved in (reorient(mapped, "LPI"), resample(mapped, mapped.grid), crop_or_pad(mapped, (9, 9, 9))):
        assert type(moved.voxels) is np.ndarray
        assert moved.voxels.flags.writeable
    for how in ("linear", "nearest", "cubic"):
        moved = resample(mapped, working_grid(mapped.grid, 1.4), how=how)
        assert type(moved.voxels) is np.ndarray


@pytest.mark.parametrize("spacing", [0.0, -1.0, (1.0, float("inf"), 1.0)])
def test_a_refusal_says_what_would_do(spacing: float | tuple[float, float, float]) -> None:
    volume = numbered()
    assert refusal(lambda: working_grid(volume.grid, spacing)) == (
        f"error[E001]: spacing_mm {spacing}; expected a positive number of mm. Correct the recipe."
    )
    assert refusal(lambda: reorient(volume, "RAX")) == (
        "error[E001]: orientation 'RAX'; expected three letters such as RAS. Correct it."
    )
    assert refusal(lambda: bounding_box(np.zeros(SHAPE))) == (
        "error[E124]: an empty mask; expected a mask with voxels. Check the mask."
    )
    box = (slice(None), slice(0, 4, 2), slice(None))
    assert refusal(lambda: crop(volume, box)) == (
        f"error[E001]: a box {box} with steps; expected slices of step 1. Resample instead."
    )
    np.testing.assert_array_equal(
        crop(volume, (slice(1, 3, 1), slice(None), slice(None))).voxels, volume.voxels[1:3]
    )


def test_small_letters_name_axes_too_and_ras_is_what_is_meant_by_nothing() -> None:
    volume = numbered(affine=turned(31) @ np.diag([0.9, 1.1, 3.0, 1.0]))
    assert reorient(volume, "psl").grid == reorient(volume, "PSL").grid
    assert reorient(reorient(volume, "PSL")).orientation == "RAS"


def test_a_working_grid_is_that_of_the_formula() -> None:
    grid = Grid((10, 21, 5), np.diag([2.0, 1.0, 3.0, 1.0]))
    work = working_grid(grid, (3.0, 1.0, 2.5))
    assert work.shape == (7, 21, 6)  # 20 mm by 3, 15 mm by 2.5
    np.testing.assert_allclose(np.diag(work.affine), [3, 1, 2.5, 1])
    np.testing.assert_allclose(work.origin, [9 - 3 * 3, 0, 6 - 2.5 * 2.5])
    assert working_grid(grid, (2 + 1e-6, 1.0, 3.0)) == grid
    assert working_grid(grid, (2 + 1e-5, 1.0, 3.0)).spacing == pytest.approx((2 + 1e-5, 1, 3))


def test_an_odd_voxel_goes_to_or_from_the_far_end() -> None:
    volume = Volume(np.arange(4, dtype=np.int16).reshape(4, 1, 1), np.eye(4))
    padded = crop_or_pad(volume, (7, 1, 1), fill=-1)
    np.testing.assert_array_equal(padded.voxels[:, 0, 0], [-1, 0, 1, 2, 3, -1, -1])
    assert padded.grid.origin[0] == -1
    cropped = crop_or_pad(volume, (1, 1, 1))
    np.testing.assert_array_equal(cropped.voxels[:, 0, 0], [1])
    assert cropped.grid.origin[0] == 1
    np.testing.assert_array_equal(crop_or_pad(volume, (5, 1, 1)).voxels[:, 0, 0], [0, 1, 2, 3, 0])
