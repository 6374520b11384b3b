"""The pose of a head is found."""

from __future__ import annotations

import numpy as np

from transmodal.volumes import Volume
from transmodal.volumes.regions import template
from transmodal.volumes.regions.coarse_image import CoarseImage
from transmodal.volumes.regions.head_pose import find_pose
from transmodal.volumes.regions.template_points import template_points


def test_the_template_is_found_where_it_was_put() -> None:
    t1 = template.t1()
    angle = np.deg2rad(12)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turn[:3, 3] = (7, -9, 12)
    moved = Volume(t1.voxels, turn @ t1.affine)
    coarse = CoarseImage(moved)
    pose = find_pose(coarse, coarse.means / np.percentile(coarse.means, 98))
    assert pose is not None
    mm = template_points().mm[template_points().label < 3]
    assert np.linalg.norm(pose.to_world(mm) - (mm @ turn[:3, :3].T + turn[:3, 3]), axis=1).mean() < 2.0
