from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from transmodal.cohorts.simulation import acquisition, anatomy, draws, head
from transmodal.cohorts.simulation.subject import AnatomyOnGrid, VirtualSubject, draw_subject
from transmodal.volumes import Grid
from transmodal.volumes.regions import template

SEEDS = (0, 1, 2, 3)
STILL = np.zeros(3)


def drawn(index: int, spacing_mm: float = 6.0) -> VirtualSubject:
    return draw_subject(7, index, spacing_mm, 0.0, lesions=True)


def test_spline_reproduces_a_plane() -> None:
    i, j, k = np.ix_(*(np.arange(n, dtype=np.float32) for n in (7, 8, 9)))
    plane = 2 * i - 3 * j + 0.5 * k + 1
    at = [np.array([1.0, 2.3, 4.9]), np.array([1.5, 5.2]), np.array([3.3, 6.0, 2.1, 6.9])]
    a, b, c = np.ix_(*at)
    np.testing.assert_allclose(draws.expand(plane, at), 2 * a - 3 * b + 0.5 * c + 1, atol=1e-4)


def test_noise_has_mean_0_and_variance_1_and_is_smooth() -> None:
    axes = [np.arange(0, 400, 4.0)] * 3
    field = draws.noise(np.random.default_rng(1), axes, 16.0)
    assert abs(float(field.mean())) < 0.05
    assert float(field.std()) == pytest.approx(1, abs=0.05)
    assert float(np.abs(np.diff(field, axis=0)).mean()) < 0.4


def test_streams_of_other_purposes_are_other_streams() -> None:
    first = draws.stream(1, 2, "warp").random(4)
    np.testing.assert_array_equal(first, draws.stream(1, 2, "warp").random(4))
    for other in (draws.stream(1, 2, "affine"), draws.stream(1, 3, "warp"), draws.stream(2, 2, "warp")):
        assert not np.array_equal(first, other.random(4))


@pytest.mark.parametrize("seed", SEEDS)
def test_jacobian_is_positive_everywhere(seed: int) -> None:
    """The whole map, warp and affine, from a grid's voxels to the template."""
    subject = drawn(seed, 5.0)
    place = anatomy.place(subject.grid, subject.affine, subject.warp, STILL)
    rows = [np.stack(np.gradient(row)) for row in place.template_mm]
    matrix = np.moveaxis(np.stack(rows), (0, 1), (-2, -1))
    rigid = np.linalg.det(np.linalg.inv(subject.affine)[:3, :3] @ subject.grid.affine[:3, :3])
    assert float((np.linalg.det(matrix) / rigid).min()) > 0.2
    assert 0.2 < subject.warp.jacobian_min < 1 < subject.warp.jacobian_max


def test_jacobian_finds_folds() -> None:
    x = np.arange(12, dtype=np.float32).reshape(-1, 1, 1) * np.ones((12, 5, 5), np.float32)
    zero = np.zeros_like(x)
    np.testing.assert_allclose(anatomy.jacobian(np.stack([0.5 * x, zero, zero]), (1, 1, 1)), 1.5)
    np.testing.assert_allclose(anatomy.jacobian(np.stack([-2 * x, zero, zero]), (1, 1, 1)), -1)
    np.testing.assert_allclose(anatomy.jacobian(np.stack([zero, x, zero]), (2, 1, 1)), 1)  # a shear


@pytest.mark.parametrize("seed", SEEDS)
def test_displacements_are_millimetres_but_not_above_eight(seed: int) -> None:
    warp = anatomy.draw_warp(draws.stream(seed, 0, "warp"))
    assert 3 < warp.peak_mm <= 8.0


def test_exponential_of_the_negative_is_the_inverse() -> None:
    axes = [np.arange(0, 120, anatomy.LATTICE_MM)] * 3
    rng = np.random.default_rng(5)
    velocity = np.stack([3 * draws.noise(rng, axes, 30.0) for _ in axes])
    there, back = anatomy.exponential(velocity), anatomy.exponential(-velocity)
    index = np.indices(there.shape[1:]) + there / anatomy.LATTICE_MM
    returned = there + np.stack([ndimage.map_coordinates(c, index, order=1, mode="nearest") for c in back])
    inner = (slice(None), *[slice(4, -4)] * 3)
    assert float(np.abs(there[inner]).max()) > 3
    assert float(np.abs(returned[inner]).max()) < 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_affine_stays_within_its_ranges(seed: int) -> None:
    affine = anatomy.draw_affine(draws.stream(seed, 0, "affine"))
    scales = np.linalg.norm(affine[:3, :3], axis=0)
    turn = affine[:3, :3] / scales
    assert np.abs(scales - 1).max() <= anatomy.SCALE
    np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)
    assert 0 < np.rad2deg(np.arccos((np.trace(turn) - 1) / 2)) <= anatomy.ROTATION_DEG
    middle = np.array([0, -18.0, 5.0])
    assert np.abs(affine[:3, :3] @ middle + affine[:3, 3] - middle).max() <= anatomy.SHIFT_MM


def test_to_scanner_is_the_inverse_of_place() -> None:
    subject = drawn(1, 5.0)
    place = anatomy.place(subject.grid, subject.affine, subject.warp, STILL)
    voxels = np.array([[8, 9, 10], [15, 20, 12], [20, 11, 17]])
    points = place.template_mm[(slice(None), *voxels.T)].T.astype(float)
    back = anatomy.to_scanner(points, subject.affine, subject.warp)
    np.testing.assert_allclose(back, subject.grid.world(voxels.astype(float)), atol=0.15)


def test_anatomy_does_not_depend_on_the_grid() -> None:
    """Another spacing, orientation and offset see the same head."""
    subject = drawn(2)
    world = np.array([[-30.0, -20.0, 10.0], [41.0, 13.0, 3.0], [5.0, -61.0, 25.0]])
    found = []
    for spacing, flip in ((2.0, 1.0), (5.0, -1.0)):
        affine = np.diag([flip * spacing, spacing, spacing, 1])
        affine[:3, 3] = [-flip * 100, -130, -90]
        place = anatomy.place(Grid((90, 90, 80), affine), subject.affine, subject.warp, STILL)
        index = place_index(affine, world)
        found.append([ndimage.map_coordinates(row, index, order=1) for row in place.template_mm])
    np.testing.assert_allclose(found[0], found[1], atol=0.15)


def test_shift_moves_the_content() -> None:
    subject = drawn(2)
    voxel = np.linalg.inv(subject.grid.affine)[:3, :3]
    whole = subject.grid.affine[:3, :3] @ [2, -1, 3]
    still = anatomy.place(subject.grid, subject.affine, subject.warp, STILL).template_mm
    moved = anatomy.place(subject.grid, subject.affine, subject.warp, whole).template_mm
    np.testing.assert_allclose(voxel @ whole, [2, -1, 3], atol=1e-9)
    np.testing.assert_allclose(moved[:, 6:-6, 6:-6, 6:-6], still[:, 4:-8, 7:-5, 3:-9], atol=0.2)


def test_brain_is_sampled_whole() -> None:
    subject = drawn(0, 4.0)
    place = anatomy.place(subject.grid, subject.affine, subject.warp, STILL)
    brain = anatomy.brain(place, 4.0)
    np.testing.assert_allclose(brain.csf + brain.gm + brain.wm, brain.inside, atol=1e-4)
    assert min(float(part.min()) for part in brain[1:]) >= 0
    voxel = abs(np.linalg.det(subject.grid.affine[:3, :3]))
    ratio = brain.inside.sum() * voxel / float(template.mask().voxels.sum())
    assert ratio == pytest.approx(np.linalg.det(subject.affine[:3, :3]), rel=0.12)


@pytest.mark.parametrize("index", range(8))
def test_grid_holds_the_head_and_lies_obliquely(index: int) -> None:
    subject = drawn(index)
    grid = subject.grid
    assert max(grid.spacing) <= 6 * 1.06 * 1.15 + 1e-6
    assert min(grid.spacing) >= 6 * 0.94 - 1e-6
    assert grid.orientation in acquisition.ORIENTATIONS
    assert not grid.is_sheared
    surface = grid.voxel(anatomy.to_scanner(anatomy.surface(), subject.affine, subject.warp))
    assert surface.min() > 0.5
    assert (np.array(grid.shape) - 1.5 - surface.max(axis=0)).min() > 0


def test_orientations_vary_between_subjects() -> None:
    rngs = [draws.stream(3, index, "grid") for index in range(20)]
    corners = np.array([[-70.0, -100, -70], [70, 70, 80]])
    found = {acquisition.draw_grid(rng, 6.0, corners).orientation for rng in rngs}
    assert len(found) >= 5


def test_shells_fill_what_the_brain_leaves() -> None:
    subject = drawn(3, 5.0)
    seen = AnatomyOnGrid(subject, STILL)
    shells = seen.shells
    parts = [part for name, part in shells._asdict().items() if name not in ("inner_air", "texture")]
    np.testing.assert_allclose(sum(parts) + seen.full(seen.brain.inside), 1, atol=1e-4)
    assert min(float(part.min()) for part in (*parts, shells.inner_air)) > -1e-5
    volumes = {name: float(part.sum()) * 0.125 for name, part in shells._asdict().items()}
    for name in ("csf", "bone", "diploe", "fat", "muscle", "skin"):
        assert volumes[name] > 60, name  # cm3
    assert volumes["inner_air"] > 5
    assert 5 < volumes["eye"] < 30


def test_skull_thickness_varies() -> None:
    borders = head.draw(draws.stream(1, 1, "head"))
    level = dict(zip(head.CHANNELS, np.moveaxis(borders.levels, -1, 0), strict=True))
    thickness = (level["inner"] - level["outer"])[np.abs(level["inner"]) < 3]
    assert float(thickness.std()) > 1
    assert 1.5 < float(np.quantile(thickness, 0.02)) < float(np.quantile(thickness, 0.98)) < 16


def test_fiducial_lies_on_the_right() -> None:
    for index in range(3):
        x, y, z = head.draw(draws.stream(1, index, "head")).fiducial_mm
        assert 70 < x < 110
        assert (y, z) == (18, 30)


def place_index(affine: np.ndarray, world: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(affine)
    return (world @ inverse[:3, :3].T + inverse[:3, 3]).T
