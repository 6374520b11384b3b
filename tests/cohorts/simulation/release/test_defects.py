"""Defects of a release: files and headers change as named, and no voxel does."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.simulation.release.defects import DEFECTS, Defect, add_defects, move
from transmodal.cohorts.simulation.release.saving import Files
from transmodal.volumes import Volume


def subject() -> Files:
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    voxels = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    return {f"a/a-{name}.nii.gz": Volume(voxels + n, affine) for n, name in enumerate(("t1", "t2", "pd"))}


def test_a_missing_file_is_the_first() -> None:
    assert list(add_defects(subject(), ["missing"])) == ["a/a-t2.nii.gz", "a/a-pd.nii.gz"]


def test_a_wrong_name_keeps_its_folder_and_content() -> None:
    files = add_defects(subject(), ["wrong-name"])
    assert list(files) == ["a/copy of a-t1.nii.gz", "a/a-t2.nii.gz", "a/a-pd.nii.gz"]
    np.testing.assert_array_equal(files["a/copy of a-t1.nii.gz"].voxels, subject()["a/a-t1.nii.gz"].voxels)


def test_another_axis_order_lies_at_the_same_place() -> None:
    first = add_defects(subject(), ["axis-order"])["a/a-t1.nii.gz"]
    assert first.grid.shape == (6, 5, 4)
    assert sorted(first.voxels.ravel()) == sorted(subject()["a/a-t1.nii.gz"].voxels.ravel())


@pytest.mark.parametrize(("defect", "n_moved"), [("oblique", 3), ("unregistered", 1)])
def test_moved_images_keep_their_voxels(defect: Defect, n_moved: int) -> None:
    before, after = subject(), add_defects(subject(), [defect])
    assert sum(not after[path].grid.same_as(before[path].grid) for path in before) == n_moved
    for path, volume in before.items():
        np.testing.assert_array_equal(after[path].voxels, volume.voxels)


def test_a_move_turns_about_the_middle() -> None:
    volume = subject()["a/a-t1.nii.gz"]
    middle = (np.array(volume.grid.shape) - 1) / 2
    moved = move(volume, (8.0, 0.0, 0.0), (0.0, 0.0, 5.0))
    np.testing.assert_allclose(
        moved.grid.world(middle), volume.grid.world(middle) + np.array([8.0, 0.0, 0.0])
    )


def test_no_defect_changes_nothing_and_all_are_known() -> None:
    assert list(add_defects(subject(), [])) == list(subject())
    assert DEFECTS == ("missing", "axis-order", "oblique", "unregistered", "wrong-name")
