from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from transmodal.cohorts.simulation import anatomy, draws
from transmodal.cohorts.simulation.subject import VirtualSubject, draw_subject
from transmodal.volumes.regions import template

SEEDS = (0, 1, 2, 3)
STILL = np.zeros(3)


def drawn(index: int, spacing_mm: float = 6.0) -> VirtualSubject:
    return draw_subject(7, index, spacing_mm, 0.0, lesions=True)


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
