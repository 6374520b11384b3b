"""Resampling: copied bit by bit where voxels coincide, interpolated elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray
from scipy import ndimage

from numbered import ORIENTATIONS, SHAPE, numbered, turned
from refusals import refusal
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry import resampling
from transmodal.volumes.geometry.reorient import (
    How,
    footprint,
    reorient,
    resample,
    working_grid,
)


def ramp(grid: Grid) -> NDArray[np.float64]:
    """Return a value that rises linearly in the world: what resampling has to keep."""
    return grid.world(np.stack(np.indices(grid.shape), axis=-1)) @ np.array([1.0, -2.0, 0.5])


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


@pytest.mark.parametrize("step", [0.7, 1.0, 1.4, 2.6])
def test_a_footprint_holds_every_voxel_that_shows_in_the_mask_and_few_others(step: float) -> None:
    grid, target = Grid((6, 5, 4), np.eye(4)), Grid((7, 5, 3), np.diag([step, step, step, 1.0]))
    mask = np.zeros(target.shape, np.bool_)
    mask[0, 1, 0] = mask[2, 1, 1] = True
    shows = np.zeros(grid.shape, np.bool_)
    for place in np.ndindex(grid.shape):
        values = np.zeros(grid.shape, np.float32)
        values[place] = 1
        shows[place] = resample(Volume(values, grid.affine), target).voxels[mask].any()
    reached = footprint(Volume(mask, target.affine), grid)
    np.testing.assert_array_equal(reached, shows)


def test_a_footprint_on_an_oblique_grid_is_everything() -> None:
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    mask = np.zeros((4, 4, 4), np.bool_)
    assert footprint(Volume(mask, turned), Grid((5, 5, 5), np.eye(4))).all()


def test_a_refusal_counts_the_voxels_and_says_what_to_do() -> None:
    voxels = np.zeros(SHAPE, np.float32)
    voxels[1, 2, :3] = np.nan, np.inf, -np.inf
    line = refusal(lambda: resample(Volume(voxels, np.eye(4)), working_grid(Grid(SHAPE, np.eye(4)), 1.3)))
    assert line == (
        "error[E120]: 3 voxels that are not finite, in a volume to interpolate; expected finite voxels. "
        "Repair the image, or read it with non-finite voxels set to zero."
    )


def test_the_budget_holds_for_grids_that_are_interpolated(monkeypatch: pytest.MonkeyPatch) -> None:
    volume = numbered()
    grid = working_grid(volume.grid, 0.7)
    monkeypatch.setenv("TRANSMODAL_BUDGET_GIB", str((4 * np.prod(grid.shape) - 1) / 2**30))
    for how in ("linear", "nearest", "cubic"):
        assert refusal(lambda how=how: resample(volume, grid, how=how)).startswith("error[E401]: ")  # type: ignore[misc]
    resample(volume, volume.grid)  # copies, whatever the budget


@pytest.mark.parametrize(("tilt_mm", "is_parallel"), [(0.9, True), (1.1, False)])
def test_axes_are_parallel_where_a_tilt_moves_no_voxel_by_more_than_the_tolerance(
    tilt_mm: float, is_parallel: bool
) -> None:
    step = np.eye(4)
    step[0, 1] = tilt_mm * resampling.TOLERANCE_MM / 2.0 / 10  # over ten voxels of 2 mm
    axes = resampling._parallel_axes(step, (2.0, 1.0, 1.0), (5, 11, 5))
    assert axes == ((0, 1, 2) if is_parallel else None)
    assert resampling._parallel_axes(turned(45.0), (1.0, 1.0, 1.0), (3, 3, 3)) is None


@pytest.mark.parametrize("how", ["linear", "nearest", "cubic"])
def test_the_fill_is_0_if_nothing_is_said_and_lies_beyond_each_end(how: How) -> None:
    volume = Volume(np.full((4, 5, 6), 9, np.int16), np.eye(4))
    for turn in (0.0, 10.0):
        affine = turned(turn)
        affine[:3, 3] = -1.3, -1.3, -1.3
        moved = resample(volume, Grid((8, 9, 10), affine), how=how).voxels
        at = np.stack(np.indices((8, 9, 10)), axis=-1) @ affine[:3, :3].T + affine[:3, 3]
        last = np.array([3, 4, 5])
        beyond = ((at < -resampling.REACH - 1e-3) | (at > last + resampling.REACH + 1e-3)).any(axis=-1)
        np.testing.assert_allclose(moved, np.where(beyond, 0, 9), atol=1e-4)


def test_colours_of_floats_keep_their_last_axis() -> None:
    colour = Volume(np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3)).astype(np.uint8), np.eye(4))
    swapped = np.eye(4)[[1, 0, 2, 3]] * 1.0
    swapped[:3, 3] = 0.3
    moved = resample(colour, Grid((5, 4, 6), swapped), how="nearest")
    assert moved.voxels.shape == (5, 4, 6, 3)
    np.testing.assert_array_equal(moved.voxels, colour.voxels.transpose(1, 0, 2, 3))
    assert moved.voxels.flags.c_contiguous
