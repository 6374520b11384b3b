"""The template on its coarse grid, and what it is not laid over."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.geometry import itk
from transmodal.volumes.regions import template_alignment
from transmodal.volumes.regions.template_alignment import (
    SHAPE_MM,
    align_template,
    coarse_template,
    no_brain_error,
)
from virtual_heads import head


def test_the_search_looks_at_the_brain_and_six_millimetres_around() -> None:
    t1, mask, ring = coarse_template()
    assert t1.spacing == pytest.approx((SHAPE_MM,) * 3)
    assert t1.grid.same_as(mask.grid)
    brain = mask.voxels >= 0.5
    assert ring[brain].all()
    assert 1.1 < ring.sum() / brain.sum() < 1.6
    assert coarse_template() is coarse_template()


def test_a_volume_without_a_head_is_refused() -> None:
    dots = np.zeros((20, 22, 24), np.float32)
    dots[::4, ::4, ::4] = 1  # nothing of them is left by an opening
    with pytest.raises(InputError, match="no head stands out") as refused:
        align_template(Volume(dots, np.diag([4.0, 4.0, 4.0, 1.0])))
    assert refused.value.code == "E124"


def test_the_quick_search_comes_to_the_place_of_the_thorough_one(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, _ = head(3, "head", 4.0)
    thorough_poses = []
    rigid_pose = template_alignment._rigid_pose

    def count(*arguments: object) -> object:
        thorough_poses.append(arguments)
        return rigid_pose(*arguments)

    monkeypatch.setattr(template_alignment, "_rigid_pose", count)
    quick = align_template(volume)
    assert quick.is_sure
    assert not thorough_poses
    monkeypatch.setattr(template_alignment, "_SURE", 9.0)
    thorough = align_template(volume)
    assert not thorough.is_sure
    assert len(thorough_poses) == 3
    assert thorough.information == pytest.approx(quick.information, abs=0.01)
    corners = itk.LPS @ np.array([[60.0, -90, -40], [-60, 60, 60], [0, 0, 20]]).T
    for corner in corners.T:
        near = np.subtract(quick.transform.TransformPoint(corner), thorough.transform.TransformPoint(corner))
        assert np.linalg.norm(near) < 0.5


def test_of_near_ties_the_place_that_leads_further_uphill_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, _ = head(3, "head", 4.0)
    monkeypatch.setattr(template_alignment, "_TIE", 0.0)
    crown = template_alignment._crown(volume)
    poses = template_alignment._pose_quickly(volume, crown)
    assert len(poses) == 3
    monkeypatch.setattr(template_alignment, "_TIE", 1.0)
    (best,) = template_alignment._pose_quickly(volume, crown)
    assert best.information == max(pose.information for pose in poses)
    uphill = {pose.information: 2 - pose.information for pose in poses}  # the worst place leads furthest
    monkeypatch.setattr(template_alignment, "_pose_quickly", lambda *_: poses)
    monkeypatch.setattr(
        template_alignment,
        "_stretch",
        lambda _, pose: template_alignment.Alignment(pose.start, uphill[pose.information]),
    )
    assert align_template(volume).information == max(uphill.values())


def test_the_error_says_what_else_could_be_done() -> None:
    error = no_brain_error("too dark")
    assert error.got == "no brain found: too dark"
    assert "body or whole" in error.remedy
