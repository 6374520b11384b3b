from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray
from scipy import ndimage

from transmodal.errors import InputError, UsageError
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import (
    How,
    bounding_box,
    crop,
    crop_or_pad,
    match_exactly,
    reorient,
    resample,
    working_grid,
)

SHAPE = (7, 5, 9)
ORIENTATIONS = [
    "".join(letters)
    for order in permutations(range(3))
    for letters in product(*[("RL", "AP", "SI")[axis] for axis in order])
]


def turned(degrees: float = 20.0) -> NDArray[np.float64]:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x
    return affine


def numbered(
    shape: tuple[int, ...] = SHAPE, affine: NDArray[np.float64] | None = None, dtype: DTypeLike = np.int16
) -> Volume:
    voxels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return Volume(voxels, np.diag([0.9, 1.1, 3.0, 1.0]) if affine is None else affine)


def ramp(grid: Grid) -> NDArray[np.float64]:
    """Return a value that rises linearly in the world: what resampling has to keep."""
    return grid.world(np.stack(np.indices(grid.shape), axis=-1)) @ np.array([1.0, -2.0, 0.5])


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


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_resample_onto_another_orientation_is_exact_both_ways(orientation: str) -> None:
    volume = numbered(affine=turned(31) @ np.diag([0.9, 1.1, 3.0, 1.0]))
    moved = reorient(volume, orientation)
    there = resample(volume, moved.grid)
    np.testing.assert_array_equal(there.voxels, moved.voxels)
    assert there.voxels.dtype == np.int16
    assert there.voxels.flags.c_contiguous
    assert there.voxels.flags.writeable
    np.testing.assert_array_equal(resample(moved, volume.grid).voxels, volume.voxels)


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


def test_lattice_match_reads_axes_signs_and_starts() -> None:
    volume = numbered()
    moved = reorient(volume, "SLA").grid
    match = match_exactly(volume.grid, moved)
    assert match is not None
    assert match.axes == (1, 2, 0)
    assert match.signs == (-1, 1, 1)
    assert match.starts == (6, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        np.diag([1.001, 1, 1, 1]),
        np.diag([2.0, 1, 1, 1]),
        np.array([[1, 0, 0, 0.4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
        np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
        turned(3),
    ],
)
def test_lattice_match_refuses_what_would_have_to_be_interpolated(change: NDArray[np.float64]) -> None:
    grid = numbered().grid
    assert match_exactly(grid, Grid(grid.shape, grid.affine @ change)) is None


@pytest.mark.parametrize(("off_mm", "matches"), [(0.9e-3, True), (1.1e-3, False)])
def test_lattice_match_tolerates_a_micrometre_at_the_corners(off_mm: float, matches: bool) -> None:
    grid = numbered().grid
    affine = grid.affine.copy()
    affine[0, 3] += off_mm
    assert (match_exactly(grid, Grid(grid.shape, affine)) is not None) == matches


def test_resample_by_whole_voxels_copies_and_fills() -> None:
    volume = numbered()
    affine = volume.affine.copy()
    affine[:3, 3] = volume.grid.world(np.array([2.0, -1.0, 0.0]))
    moved = resample(volume, Grid((6, 4, 2), affine), fill=-7)
    np.testing.assert_array_equal(moved.voxels[:5, 1:], volume.voxels[2:, :3, :2])
    assert (moved.voxels[5:] == -7).all()
    assert (moved.voxels[:, 0] == -7).all()
    assert moved.voxels.dtype == np.int16


@pytest.mark.parametrize("start", range(-3, 10))
@pytest.mark.parametrize("length", [1, 3, 12])
def test_flipped_and_moved_by_whole_voxels_is_exact(start: int, length: int) -> None:
    volume = numbered((7, 1, 1))
    affine = volume.affine @ np.array([[-1, 0, 0, start], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    moved = resample(volume, Grid((length, 1, 1), affine), fill=-1).voxels[:, 0, 0]
    expected = [n if 0 <= n < 7 else -1 for n in range(start, start - length, -1)]
    np.testing.assert_array_equal(moved, expected)


def test_resample_beside_the_volume_is_all_fill() -> None:
    volume = numbered()
    affine = volume.affine.copy()
    affine[0, 3] += 0.9 * 100
    assert (resample(volume, Grid(SHAPE, affine), fill=4).voxels == 4).all()
    affine[0, 3] += 0.3
    for how in ("linear", "nearest", "cubic"):
        assert (resample(volume, Grid(SHAPE, affine), how=how, fill=4).voxels == 4).all()


@pytest.mark.parametrize(
    ("dtype", "fill"), [(np.uint16, -1024.0), (np.int16, 0.5), (np.uint8, np.nan), (np.bool_, 2.0)]
)
@pytest.mark.parametrize("how", ["linear", "nearest"])
def test_resample_refuses_a_fill_that_the_type_cannot_hold(dtype: DTypeLike, fill: float, how: How) -> None:
    volume = numbered(dtype=dtype)
    affine = volume.affine.copy()
    affine[:3, 3] -= volume.spacing if how == "linear" else 1.3
    with pytest.raises(UsageError, match="fill") as caught:
        resample(volume, Grid(SHAPE, affine), how=how, fill=fill)
    assert caught.value.code == "E001"


@pytest.mark.parametrize("how", ["linear", "cubic"])
@pytest.mark.parametrize("turn", [0.0, 15.0])
def test_resample_keeps_a_ramp(how: How, turn: float) -> None:
    grid = Grid((24, 22, 20), turned(turn) @ np.diag([1.0, 1.2, 1.5, 1.0]))
    volume = Volume(ramp(grid).astype(np.float32), grid.affine)
    target = Grid((10, 11, 12), grid.affine @ turned(turn) @ np.diag([1.3, -0.7, 0.9, 1.0]))
    affine = target.affine.copy()
    affine[:3, 3] += grid.world(np.array([11.5, 10.5, 9.5])) - target.world(np.array([4.5, 5.0, 5.5]))
    target = Grid(target.shape, affine)
    at = grid.voxel(target.world(np.stack(np.indices(target.shape), axis=-1)))
    margin = 0 if how == "linear" else 4  # a spline's mirrored edge bends a ramp near it
    inside = ((at >= margin) & (at <= np.array(grid.shape) - 1 - margin)).all(axis=-1)
    assert inside.sum() > 300
    moved = resample(volume, target, how=how).voxels
    assert np.abs(moved - ramp(target))[inside].max() < 0.01


@pytest.mark.parametrize("how", ["linear", "cubic"])
def test_parallel_axes_give_what_the_general_way_gives(how: How) -> None:
    rng = np.random.default_rng(0)
    volume = Volume(rng.integers(0, 99, SHAPE).astype(np.int16), turned() @ np.diag([1.0, 1.1, 2.0, 1.0]))
    swap = np.array([[0, 0.6, 0, 0.3], [-0.8, 0, 0, 3.9], [0, 0, 0.7, -0.2], [0, 0, 0, 1]])
    parallel = Grid((8, 9, 11), volume.affine @ swap)
    tilted = swap.copy()
    tilted[0, 0] = 1e-2  # moves the far end by 0.07 voxels: no longer parallel
    general = resample(volume, Grid(parallel.shape, volume.affine @ tilted), how=how).voxels
    separable = resample(volume, parallel, how=how).voxels
    np.testing.assert_allclose(separable[0], general[0], atol=1e-4)
    assert 1e-3 < np.abs(separable - general).max() < 20


def test_linear_and_cubic_agree_with_scipy_inside() -> None:
    rng = np.random.default_rng(1)
    volume = Volume(rng.normal(size=(20, 21, 22)).astype(np.float32), np.eye(4))
    step = np.array([[0.7, 0, 0, 5.2], [0, 0.8, 0, 6.1], [0, 0, 0.9, 7.3], [0, 0, 0, 1]])
    at = np.stack(np.indices((9, 8, 7)), axis=-1) @ step[:3, :3].T + step[:3, 3]
    for how, order in (("linear", 1), ("cubic", 3)):
        expected = ndimage.map_coordinates(
            volume.voxels.astype(float), np.moveaxis(at, -1, 0), order=order, mode="mirror"
        )
        got = resample(volume, Grid((9, 8, 7), step), how="linear" if order == 1 else "cubic").voxels
        np.testing.assert_allclose(got, expected, atol=2e-5, err_msg=how)


def test_linear_on_integers_gives_float32_in_between() -> None:
    volume = Volume(np.array([0, 100, 50], np.uint8).reshape(3, 1, 1), np.eye(4))
    grid = Grid((4, 1, 1), np.array([[0.5, 0, 0, 0.25], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    moved = resample(volume, grid).voxels
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved[:, 0, 0], [25, 75, 87.5, 62.5])


@pytest.mark.parametrize("turn", [0.0, 10.0])
def test_nearest_keeps_the_type_and_makes_no_new_labels(turn: float) -> None:
    labels = Volume(np.random.default_rng(2).choice([0, 3, 700], SHAPE).astype(np.uint16), np.eye(4))
    grid = working_grid(Grid(SHAPE, turned(turn)), 0.8)
    moved = resample(labels, grid, how="nearest", fill=9).voxels
    assert moved.dtype == np.uint16
    assert set(np.unique(moved)) <= {0, 3, 700, 9}
    assert {3, 700} <= set(np.unique(moved))


def test_nearest_by_a_factor_of_two_is_symmetric() -> None:
    volume = Volume(np.arange(8, dtype=np.int16).reshape(8, 1, 1), np.eye(4))
    halves = resample(volume, working_grid(volume.grid, (2.0, 1.0, 1.0)), how="nearest").voxels[:, 0, 0]
    mirrored = volume.with_voxels(volume.voxels[::-1])
    again = resample(mirrored, working_grid(volume.grid, (2.0, 1.0, 1.0)), how="nearest").voxels[:, 0, 0]
    np.testing.assert_array_equal(halves, again[::-1])
    np.testing.assert_array_equal(halves, [1, 3, 4, 6])


@pytest.mark.parametrize("how", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("turn", [0.0, 10.0])
def test_colour_is_resampled_channel_by_channel(how: How, turn: float) -> None:
    rng = np.random.default_rng(3)
    colour = Volume(rng.integers(0, 255, (*SHAPE, 3)).astype(np.uint8), np.eye(4))
    grid = working_grid(Grid(SHAPE, turned(turn)), 1.3)
    moved = resample(colour, grid, how=how, fill=5)
    assert moved.voxels.shape == (*grid.shape, 3)
    for channel in range(3):
        grey = resample(Volume(colour.voxels[..., channel], np.eye(4)), grid, how=how, fill=5)
        np.testing.assert_array_equal(moved.voxels[..., channel], grey.voxels)


@pytest.mark.parametrize("turn", [0.0, 10.0])
def test_voxels_that_are_not_finite_are_not_interpolated(turn: float) -> None:
    voxels = np.zeros(SHAPE, np.float32)
    voxels[1, 2, 3] = np.nan
    with pytest.raises(InputError, match="1 voxels that are not finite") as caught:
        resample(Volume(voxels, np.eye(4)), working_grid(Grid(SHAPE, turned(turn)), 1.3))
    assert caught.value.code == "E120"
    assert np.isnan(resample(Volume(voxels, np.eye(4)), Grid(SHAPE, np.eye(4))).voxels[1, 2, 3])


def test_fill_may_be_nan_where_values_are_interpolated() -> None:
    volume = Volume(np.ones(SHAPE, np.float32), np.eye(4))
    affine = np.eye(4)
    affine[0, 3] = 3.4
    moved = resample(volume, Grid(SHAPE, affine), fill=np.nan).voxels
    assert np.isnan(moved[4:]).all()
    assert (moved[:4] == 1).all()


def test_coarser_grids_are_smoothed_first() -> None:
    stripes = np.broadcast_to((np.arange(64) % 2 * 2.0 - 1)[:, None, None], (64, 4, 4))
    volume = Volume(stripes.astype(np.float32), np.eye(4))
    for spacing, most in ((2.0, 0.11), (3.0, 0.02), (5.0, 1e-3)):
        coarse = resample(volume, working_grid(volume.grid, (spacing, 1.0, 1.0))).voxels
        assert np.abs(coarse[2:-2]).max() < most
    turn = Grid((12, 4, 4), volume.affine @ turned(8) @ np.diag([4.0, 1, 1, 1]))
    assert np.abs(resample(volume, turn, fill=0).voxels[1:-2]).max() < 0.05


@pytest.mark.parametrize("turn", [0.0, 6.0])
def test_smoothing_runs_along_the_source_axis_that_gets_coarser(turn: float) -> None:
    stripes = (np.arange(40) % 2 * 2.0 - 1).astype(np.float32)
    swap = np.array([[0, 4.0, 0, 2], [0, 0, 1, 4], [1, 0, 0, 4], [0, 0, 0, 1]])  # i, j, k run along k, i, j
    target = Grid((3, 8, 3), swap @ turned(turn))
    along = Volume(np.broadcast_to(stripes[:, None, None], (40, 12, 12)), np.eye(4))
    assert np.abs(resample(along, target).voxels[:, 1:-1]).max() < 0.05
    across = Volume(np.broadcast_to(stripes[:12], (40, 12, 12)), np.eye(4))
    assert np.abs(resample(across, target).voxels).max() > 0.3


def test_turning_alone_smooths_nothing() -> None:
    volume = Volume(np.random.default_rng(4).normal(size=(9, 9, 9)).astype(np.float32), np.eye(4))
    centre = np.array([4.0, 4.0, 4.0])
    turn = turned(45.0)
    turn[:3, 3] = centre - turn[:3, :3] @ centre
    moved = resample(volume, Grid((9, 9, 9), turn)).voxels
    assert moved[4, 4, 4] == pytest.approx(volume.voxels[4, 4, 4], abs=1e-5)


@pytest.mark.parametrize("spacing", [0.7, 1.9, 2.0, 3.3, 6.0])
def test_there_and_back_leaves_no_rim(spacing: float) -> None:
    volume = Volume(np.full((23, 31, 17), 50, np.int16), np.diag([0.9, 1.0, 1.7, 1]))
    there = resample(volume, working_grid(volume.grid, spacing), fill=-1000)
    back = resample(there, volume.grid, fill=-1000)
    np.testing.assert_allclose(back.voxels, 50, atol=1e-4)


def test_the_edge_goes_on_for_three_quarters_of_a_voxel_and_no_further() -> None:
    volume = Volume(np.full((4, 1, 1), 8, np.int16), np.eye(4))

    def at(x: float, turn: float = 0.0) -> float:
        affine = turned(turn)
        affine[:3, 3] = (x, 0, 0)
        return float(resample(volume, Grid((1, 1, 1), affine), fill=-1).voxels[0, 0, 0])

    for turn in (0.0, 9.0):
        assert [at(x, turn) for x in (-0.8, -0.74, 1.5, 3.74, 3.8)] == [-1, 8, 8, 8, -1]


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
