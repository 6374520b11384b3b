"""Demons: a bent image is bent back, and a field goes on from where it was."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)

from transmodal.volumes import Volume
from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.demons import demons


def ball(radius: float) -> Volume:
    i, j, k = np.indices((21, 19, 17))
    distance = np.sqrt((i - 10) ** 2 + (j - 9) ** 2 + (k - 8) ** 2)
    return Volume((1 / (1 + np.exp(distance - radius))).astype(np.float32), np.eye(4))


def error(fixed: Volume, moving: Volume, displacement: sitk.Image) -> float:
    transform = sitk.DisplacementFieldTransform(sitk.Cast(displacement, sitk.sitkVectorFloat64))
    return float(np.abs(itk.warp(moving, fixed.grid, transform).voxels - fixed.voxels).mean())


def test_a_smaller_ball_grows_onto_a_larger() -> None:
    fixed, moving = ball(6), ball(4.5)
    before = float(np.abs(moving.voxels - fixed.voxels).mean())
    assert error(fixed, moving, demons(fixed, moving, smoothing=1.0, iterations=30)) < 0.3 * before


def test_no_iteration_gives_the_field_that_it_began_with_on_the_fixed_grid() -> None:
    fixed = ball(6)
    field = np.zeros((5, 5, 5, 3))
    field[..., 0] = 2.0
    initial = sitk.GetImageFromArray(field, isVector=True)
    initial.SetSpacing([6.0, 6.0, 6.0])
    initial.SetOrigin([-22.0, -20.0, -2.0])
    begun = itk.to_voxels(demons(fixed, fixed, smoothing=1.0, iterations=0, initial=initial))
    assert begun.shape == (*fixed.grid.shape, 3)
    np.testing.assert_allclose(begun[..., 0], 2.0, atol=1e-6)
    np.testing.assert_allclose(begun[..., 1:], 0.0, atol=1e-6)


def test_equal_volumes_stay_where_they_are() -> None:
    still = itk.to_voxels(demons(ball(6), ball(6), smoothing=1.0, iterations=5))
    assert float(np.abs(still).max()) < 1e-6
