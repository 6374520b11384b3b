"""Registration recovers what was done to the template."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the field's name for it)

from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.geometry.registration import refine, register
from transmodal.volumes.geometry.reorient import resample, working_grid
from transmodal.volumes.regions import template


def brain(spacing_mm: float = 4.0) -> Volume:
    t1 = template.t1()
    return resample(t1.with_voxels(t1.voxels.astype(np.float32)), working_grid(t1.grid, spacing_mm))


def moved(volume: Volume, shift: tuple[float, float, float], degrees: float, scale: float = 1.0) -> Volume:
    """The same voxels, placed elsewhere by the affine."""
    turn = np.deg2rad(degrees)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    matrix[:3, :3] *= scale
    matrix[:3, 3] = shift
    return Volume(volume.voxels, matrix @ volume.affine)


def error_mm(fixed: Volume, other: Volume, transform: sitk.Transform) -> float:
    """Mean distance between where voxels of `fixed` are sent and where they lie in `other`."""
    inside = np.argwhere(fixed.voxels > 20)[::50].astype(float)
    points, true = fixed.grid.world(inside), other.grid.world(inside)
    flip = np.array([-1.0, -1.0, 1.0])
    sent = np.array([transform.TransformPoint((flip * point).tolist()) for point in points]) * flip
    return float(np.linalg.norm(sent - true, axis=1).mean())


@pytest.mark.parametrize(("shift", "degrees"), [((6.0, -9.0, 4.0), 8.0), ((-15.0, 3.0, 8.0), -6.0)])
def test_rigid(shift: tuple[float, float, float], degrees: float) -> None:
    fixed = brain()
    other = moved(fixed, shift, degrees)
    found = register(fixed, other, kind="rigid", spacing_mm=4.0)
    assert error_mm(fixed, other, found.transform) < 1.0
    assert found.quality.after > 0.97
    assert found.quality.after > found.quality.before


def test_affine_recovers_scale_with_mutual_information() -> None:
    fixed = brain()
    other = moved(fixed.with_voxels(260 - fixed.voxels * (fixed.voxels > 5)), (5.0, 4.0, -3.0), 5.0, 1.07)
    found = register(fixed, other, kind="affine", metric="mutual_information", spacing_mm=4.0)
    assert error_mm(fixed, other, found.transform) < 2.0
    assert found.quality.jacobian[0] == pytest.approx(1.07**3, rel=0.05)


def test_refining_starts_where_it_is_told() -> None:
    fixed = brain()
    other = moved(fixed, (3.0, -2.0, 2.0), 3.0, 1.03)
    near = sitk.AffineTransform(np.eye(3).ravel().tolist(), [0.0, 0.0, 0.0])
    found = refine(fixed, other, near, spacing_mm=4.0)
    assert error_mm(fixed, other, found.transform) < 1.0


def test_deformable_comes_nearer_and_does_not_fold() -> None:
    fixed = brain()
    i, j, k = np.indices(fixed.grid.shape)
    bent = np.stack([2.0 * np.sin(j / 6.0), 1.5 * np.cos(i / 7.0), 0 * k])
    source = (np.stack([i, j, k]) + bent).reshape(3, -1)
    from scipy import ndimage

    warped = ndimage.map_coordinates(fixed.voxels, source, order=1).reshape(fixed.grid.shape)
    other = Volume(warped, fixed.affine)
    affine = register(fixed, other, kind="affine", spacing_mm=4.0)
    found = register(fixed, other, kind="deformable", spacing_mm=4.0)
    assert found.quality.after > affine.quality.after
    assert found.quality.jacobian[0] > 0
    assert found.warp(other).grid == fixed.grid
    again = register(fixed, other, kind="deformable", spacing_mm=4.0)
    np.testing.assert_array_equal(found.warp(other).voxels, again.warp(other).voxels)


def test_labels_keep_their_type() -> None:
    fixed = brain(6.0)
    found = register(fixed, fixed, kind="rigid", spacing_mm=6.0)
    labels = fixed.with_voxels((fixed.voxels > 100).astype(np.uint8))
    assert found.warp(labels, "nearest").voxels.dtype == np.uint8


def test_what_cannot_be_registered_is_refused() -> None:
    fixed = brain(6.0)
    constant = fixed.with_voxels(np.ones(fixed.grid.shape, np.float32))
    with pytest.raises(InputError) as refused:
        register(fixed, constant, kind="rigid")
    assert refused.value.code == "E124"
    with pytest.raises(InputError, match="mask"):
        register(fixed, fixed, kind="rigid", fixed_mask=np.zeros(fixed.grid.shape, bool))
    colour = Volume(np.zeros((4, 4, 4, 3), np.uint8), np.eye(4))
    with pytest.raises(InputError):
        register(colour, fixed, kind="rigid")
