"""A volume on a grid of about 4 mm, read anywhere, and poses of the template in it."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.volumes import Volume
from transmodal.volumes.regions.coarse_image import CENTRE, CoarseImage, Pose


def test_blocks_are_about_four_millimetres_and_centred() -> None:
    affine = np.diag([1.0, 2.0, 6.0, 1.0])
    affine[:3, 3] = (5, -3, 2)
    coarse = CoarseImage(Volume(np.zeros((13, 8, 5), np.float32), affine))
    assert coarse.means.shape == (3, 4, 5)
    np.testing.assert_allclose(np.diag(coarse.affine[:, :3]), (4, 4, 6))
    np.testing.assert_allclose(coarse.world(np.zeros((1, 3))), [[6.5, -2, 2]])


def test_values_between_voxels_are_linear_and_end_half_a_voxel_out() -> None:
    coarse = CoarseImage(Volume(np.zeros((12, 16, 20), np.float32), np.eye(4)))
    ramp = np.indices(coarse.means.shape).astype(float) * np.array([1.0, 10.0, 100.0]).reshape(3, 1, 1, 1)
    index = np.array([[0.5, 1.25, 2.0], [1.0, 2.0, 3.0], [-0.4, 0.0, 4.4], [-0.6, 0.0, 0.0]])
    values, covered = coarse.read(ramp.sum(axis=0), coarse.world(index))
    np.testing.assert_allclose(values, [213.0, 321.0, 400.0, 0.0])
    assert covered.tolist() == [True, True, True, False]


def test_a_volume_of_one_slice_can_be_read() -> None:
    coarse = CoarseImage(Volume(np.full((8, 8, 1), 7, np.int16), np.diag([1.0, 1.0, 9.0, 1.0])))
    values, covered = coarse.read(coarse.means, coarse.world(np.array([[0.5, 0.5, 0.2]])))
    assert values.tolist() == pytest.approx([7])
    assert covered.all()


def test_a_pose_turns_and_stretches_about_the_brains_centre() -> None:
    values = np.array([1.0, 2, 3, 0, 0, np.pi / 2, np.log(2), 0, 0, 0])
    pose = Pose(values, 1.0, 1.0)
    moved = pose.to_world(CENTRE + np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1]])) - CENTRE - values[:3]
    np.testing.assert_allclose(moved, [[0, 0, 0], [0, 2, 0], [0, 0, 2]], atol=1e-12)
    coarse = CoarseImage(Volume(np.zeros((12, 16, 20), np.float32), np.eye(4)))
    linear, shift = coarse.affine_of(values)
    index = linear @ CENTRE[:, None] + shift
    np.testing.assert_allclose(coarse.world(index.T)[0], CENTRE + values[:3])
