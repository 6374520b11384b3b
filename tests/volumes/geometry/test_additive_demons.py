"""Additive demons beside ITK's, their band, and the folds that they may have."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from transmodal.volumes import Volume
from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.additive_demons import additive_demons, least_jacobian, to_field

SPACING = (3.0, 3.0, 4.0)


def blob(shift: tuple[float, float, float] = (0, 0, 0), affine: np.ndarray | None = None) -> Volume:
    """A soft ball of radius 6 voxels with a bump, on 24 x 26 x 22 voxels."""
    i, j, k = np.indices((24, 26, 22)) - np.reshape([11.5, 12.5, 10.5], (3, 1, 1, 1))
    i, j, k = i - shift[0], j - shift[1], k - shift[2]
    away = np.sqrt(i**2 + (0.9 * j) ** 2 + k**2) - 6 - np.sin(0.5 * i)
    values = 1 / (1 + np.exp(2 * away))
    return Volume(values.astype(np.float32), np.diag([*SPACING, 1]) if affine is None else affine)


def itk_field(fixed: Volume, moving: Volume) -> np.ndarray:
    method = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    method.SetNumberOfThreads(1)
    method.SetNumberOfIterations(15)
    method.SetStandardDeviations(1.5)
    method.SmoothUpdateFieldOn()
    method.SetUpdateFieldStandardDeviations(1.5)
    return itk.to_voxels(method.Execute(itk.to_image(fixed), itk.to_image(moving)))


def test_the_field_is_that_of_itk() -> None:
    fixed, moving = blob(), blob((1.2, -0.8, 0.6))
    everywhere = np.ones(fixed.voxels.shape, bool)
    displacement = additive_demons(fixed, moving, smoothing=1.5, iterations=15, band=everywhere)
    ours, reference = itk.to_voxels(to_field(displacement, fixed.grid)), itk_field(fixed, moving)
    assert np.abs(reference).max() > 2
    assert np.abs(ours - reference).max() < 0.05


def test_a_field_means_the_same_on_a_turned_grid() -> None:
    turned = np.array([[0, -3.0, 0, 5], [0, 0, 4.0, -2], [3.0, 0, 0, 9], [0, 0, 0, 1]])
    turned[:, [0, 1, 2]] = turned[:, [2, 0, 1]] @ np.diag([0.75, 1, 4 / 3])
    fixed, moving = (blob(shift, turned) for shift in ((0, 0, 0), (1.2, -0.8, 0.6)))
    everywhere = np.ones(fixed.voxels.shape, bool)
    displacement = additive_demons(fixed, moving, smoothing=1.5, iterations=30, band=everywhere)
    transform = sitk.DisplacementFieldTransform(to_field(displacement, fixed.grid))
    moved = itk.warp(moving, fixed.grid, transform).voxels
    before = np.abs(moving.voxels - fixed.voxels).mean()
    assert np.abs(moved - fixed.voxels).mean() < 0.2 * before


def test_forces_act_in_the_band_alone() -> None:
    fixed, moving = blob(), blob((1.2, -0.8, 0.6))
    band = np.zeros(fixed.voxels.shape, bool)
    nothing = additive_demons(fixed, moving, smoothing=1.5, iterations=3, band=band)
    assert not nothing.any()
    band[:8] = True
    displacement = additive_demons(fixed, moving, smoothing=1.5, iterations=2, band=band)
    assert np.abs(displacement[:, :8]).max() > 0.1
    assert not displacement[:, 16:].any()  # two iterations of two smoothings over two voxels each


def test_folds_are_told() -> None:
    displacement = np.zeros((3, 10, 9, 8), np.float32)
    assert least_jacobian(displacement, SPACING) == pytest.approx(1)
    displacement[1] = 3.0 * np.arange(9)[:, None] * 0.25
    assert least_jacobian(displacement, SPACING) == pytest.approx(1.25)
    displacement[2, :, :, 4:] = -10.0
    assert least_jacobian(displacement, SPACING) == pytest.approx(1.25 * (1 - 10 / 8))


def test_the_determinant_is_that_of_itk() -> None:
    rough = np.random.default_rng(0).normal(0, 0.4, (3, 10, 9, 8)).astype(np.float32)
    grid = Volume(rough[0], np.diag([*SPACING, 1])).grid
    # A fold in the inside: at the faces ITK takes neighbours that it makes up.
    rough[2, 5, 4, 3:] -= 12.0
    reference = itk.to_voxels(sitk.DisplacementFieldJacobianDeterminant(to_field(rough, grid)))
    assert np.unravel_index(reference.argmin(), reference.shape)[0] == 5
    assert least_jacobian(rough, SPACING) == pytest.approx(float(reference.min()), rel=1e-4)
