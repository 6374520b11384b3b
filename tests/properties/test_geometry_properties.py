from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from examples import examples
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import How, match_exactly, reorient, resample, working_grid

MANY = examples(30)
FEW = examples(25)

spacings = st.floats(0.3, 6.0)
triples = st.tuples(spacings, spacings, spacings)
angles = st.tuples(*[st.floats(-40.0, 40.0)] * 3)
orientations = st.permutations(["RL", "AP", "SI"]).flatmap(
    lambda pairs: st.tuples(*[st.sampled_from(pair) for pair in pairs]).map("".join)
)


def turned(degrees: tuple[float, float, float]) -> NDArray[np.float64]:
    affine = np.eye(4)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        one = np.eye(4)
        a, b = (other for other in range(3) if other != axis)
        one[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        affine = affine @ one
    affine[:3, 3] = 11.0, -130.0, 47.0
    return affine


@st.composite
def grids(draw: st.DrawFn, least: int = 1, most: int = 24) -> Grid:
    sides = st.integers(least, most)
    shape = draw(st.tuples(sides, sides, sides))
    affine = turned(draw(angles)) @ np.diag([*draw(triples), 1.0])
    plain = Grid(shape, affine)
    return reorient(Volume(np.broadcast_to(np.uint8(0), shape), plain.affine), draw(orientations)).grid


def about_its_middle(grid: Grid, degrees: tuple[float, float, float]) -> Grid:
    turn = turned(degrees)[:3, :3]
    middle = grid.world((np.array(grid.shape) - 1) / 2)
    affine = grid.affine.copy()
    affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = middle + turn @ (affine[:3, 3] - middle)
    return Grid(grid.shape, affine)


def indices(grid: Grid) -> NDArray[np.float64]:
    return np.stack(np.indices(grid.shape), axis=-1).astype(float)


def ramp(grid: Grid) -> NDArray[np.float64]:
    """Return millimetres along an oblique direction."""
    return grid.world(indices(grid)) @ np.array([0.6, -0.64, 0.48])


def blob(grid: Grid, centre: NDArray[np.float64], width_mm: float) -> Volume:
    distance = np.linalg.norm(grid.world(indices(grid)) - centre, axis=-1)
    return Volume(np.exp(-0.5 * (distance / width_mm) ** 2).astype(np.float32), grid.affine)


def centroid(volume: Volume) -> NDArray[np.float64]:
    weights = volume.voxels.astype(float)[..., None]
    where: NDArray[np.float64] = (volume.grid.world(indices(volume.grid)) * weights).sum(axis=(0, 1, 2))
    return where / weights.sum()


@MANY
@given(grids(), orientations)
def test_any_orientation_comes_back_bit_by_bit(grid: Grid, orientation: str) -> None:
    voxels = np.random.default_rng(0).integers(-999, 999, grid.shape).astype(np.int16)
    volume = Volume(voxels, grid.affine)
    moved = reorient(volume, orientation)
    assert match_exactly(moved.grid, grid) is not None
    back = resample(moved, grid)
    assert back.voxels.dtype == voxels.dtype
    np.testing.assert_array_equal(back.voxels, voxels)


@MANY
@given(grids(), triples)
def test_a_working_grid_keeps_centre_and_extent(grid: Grid, spacing: tuple[float, float, float]) -> None:
    work = working_grid(grid, spacing)
    ras = working_grid(grid, None)
    assert work.orientation == "RAS"
    np.testing.assert_allclose(work.spacing, spacing, rtol=1e-6)
    middles = [one.world((np.array(one.shape) - 1) / 2) for one in (grid, work)]
    np.testing.assert_allclose(middles[0], middles[1], atol=1e-6)
    extents = [np.array(one.shape) * one.spacing for one in (ras, work)]
    excess = np.abs(extents[1] - extents[0]) / work.spacing
    assert (excess[np.array(work.shape) > 1] <= 0.5 + 1e-6).all()
    assert (excess <= 1).all()


@MANY
@given(grids(least=2), triples, angles, st.booleans())
def test_a_ramp_is_kept_inside_the_field_of_view(
    grid: Grid,
    spacing: tuple[float, float, float],
    degrees: tuple[float, float, float],
    oblique: bool,
) -> None:
    target = working_grid(grid, spacing)
    if oblique:
        target = about_its_middle(target, degrees)
    offset = ramp(grid).mean()
    moved = resample(Volume((ramp(grid) - offset).astype(np.float32), grid.affine), target, fill=1e6).voxels
    at = grid.voxel(target.world(indices(target)))
    inside = ((at >= 0) & (at <= np.array(grid.shape) - 1)).all(axis=-1)
    error_mm = np.abs(moved - (ramp(target) - offset))[inside]
    assert error_mm.size == 0 or error_mm.max() <= 0.01 * min(*grid.spacing, *target.spacing)


@MANY
@given(grids(least=4, most=16), triples, st.sampled_from(["linear", "nearest"]))
def test_what_is_interpolated_lies_between_what_was_there(
    grid: Grid, spacing: tuple[float, float, float], how: How
) -> None:
    volume = Volume(np.random.default_rng(1).uniform(3, 5, grid.shape).astype(np.float32), grid.affine)
    moved = resample(volume, working_grid(grid, spacing), how=how, fill=4.0).voxels
    assert moved.min() >= volume.voxels.min() - 1e-5
    assert moved.max() <= volume.voxels.max() + 1e-5


@FEW
@given(
    angles,
    st.tuples(*[st.floats(1.5, 3.0)] * 3),
    st.floats(1.5, 3.0),
    st.tuples(*[st.floats(-3, 3)] * 3),
    angles,
)
def test_the_centre_of_mass_stays(
    degrees: tuple[float, float, float],
    spacing: tuple[float, float, float],
    other: float,
    off: tuple[float, float, float],
    turn: tuple[float, float, float],
) -> None:
    width_mm = 2.5 * max(*spacing, other)  # sampled finely enough for linear interpolation
    i, j, k = (int(np.ceil(10 * width_mm / side)) + 6 for side in spacing)
    grid = Grid((i, j, k), turned(degrees) @ np.diag([*spacing, 1.0]))
    volume = blob(grid, grid.world((np.array(grid.shape) - 1) / 2) + off, width_mm)
    straight = working_grid(grid, other)
    for target in (straight, about_its_middle(straight, turn)):
        moved = resample(volume, target)
        shift = np.linalg.inv(target.affine[:3, :3]) @ (centroid(moved) - centroid(volume))
        assert np.abs(shift).max() <= 0.01


@MANY
@given(grids(), spacings)
def test_there_and_back_leaves_no_rim(grid: Grid, spacing: float) -> None:
    volume = Volume(np.full(grid.shape, 7, np.int16), grid.affine)
    there = resample(volume, working_grid(grid, spacing), fill=-1000)
    back = resample(there, grid, fill=-1000)
    np.testing.assert_allclose(there.voxels, 7, atol=1e-4)
    np.testing.assert_allclose(back.voxels, 7, atol=1e-4)


@MANY
@given(grids(least=2, most=12), spacings, st.sampled_from(["linear", "nearest", "cubic"]))
def test_a_mirrored_volume_gives_the_mirrored_result(grid: Grid, spacing: float, how: How) -> None:
    # Between two samples in the very middle `nearest` has to take one of them.
    assume(how != "nearest" or all(n % 2 for n in grid.shape))
    volume = Volume(np.random.default_rng(2).integers(0, 99, grid.shape).astype(np.int16), grid.affine)
    target = working_grid(grid, spacing)
    plain = resample(volume, target, how=how).voxels
    mirrored = Volume(volume.voxels[::-1, ::-1, ::-1], grid.affine)
    np.testing.assert_allclose(resample(mirrored, target, how=how).voxels, plain[::-1, ::-1, ::-1], atol=1e-3)
