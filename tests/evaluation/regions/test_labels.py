from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from group_files import AFFINE, fa, labels, write_cohort
from transmodal.errors import InputError
from transmodal.evaluation.regions import labels as maps
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.geometry.reorient import reorient
from transmodal.volumes.reading import STRICT

CASES = ["sub-0", "sub-1"]


def test_a_folder_and_an_atlas(group: Path) -> None:
    readers, unknown = maps.of_path(Path("labels"), CASES, CASES, STRICT)
    assert (list(readers), unknown) == (CASES, 6)
    assert np.array_equal(readers["sub-0"]().labels, labels())
    flipped = reorient(Volume(labels(), AFFINE), "LPS")
    io.write(flipped, group / "atlas.nii.gz")
    shared, _ = maps.of_path(Path("atlas.nii.gz"), CASES, CASES, STRICT)
    assert np.array_equal(shared["sub-1"]().labels, labels())
    assert shared["sub-1"]().grid.same_as(Grid(labels().shape, AFFINE))


def test_what_is_no_label_map_is_refused(group: Path) -> None:
    with pytest.raises(InputError, match="no labels"):
        maps.of_path(Path("measured/sub-0_fa.nii.gz"), CASES, CASES, STRICT)
    with pytest.raises(InputError, match="does not exist"):
        maps.of_path(Path("nowhere"), CASES, CASES, STRICT)
    with pytest.raises(InputError, match="without a label map of any"):
        maps.of_path(Path("labels"), ["anna"], ["anna"], STRICT)


def test_a_cohorts_segmentations(group: Path) -> None:
    readers = maps.of_cohort(write_cohort(group).cases())
    assert np.array_equal(readers["sub-4"]().labels, labels())


def test_a_cohort_without_segmentations(group: Path) -> None:
    with pytest.raises(InputError, match="--labels"):
        maps.of_cohort(write_cohort(group, segmented=False).cases())


def test_images_come_onto_their_labels_grid_when_asked() -> None:
    image = fa(0)
    grid = image.grid
    assert maps.on_grid(reorient(image, "LAS"), grid, "x", resamples=False).grid.same_as(grid)
    finer = AFFINE.copy()
    finer[0, 0] /= 2
    other = Volume(np.repeat(image.voxels, 2, axis=0), finer)
    with pytest.raises(InputError, match="another grid"):
        maps.on_grid(other, grid, "x", resamples=False)
    assert maps.on_grid(other, grid, "x", resamples=True).voxels.shape == grid.shape
    away = AFFINE.copy()
    away[0, 3] += 50
    with pytest.raises(InputError, match="field of view"):
        maps.on_grid(Volume(image.voxels, away), grid, "x", resamples=True)
