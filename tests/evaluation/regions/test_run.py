from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from group_files import SLOPE, VOXEL_MM3, fa, labels, write_cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.regions.group_test import GroupModel
from transmodal.evaluation.regions.matching import RegionRequest
from transmodal.evaluation.regions.run import GroupRequest, measure_regions
from transmodal.volumes import Volume, io

FOLDERS = RegionRequest(["synthetic"], ["measured"], "fa", labels=Path("labels"), names=Path("labels.tsv"))
AGE = GroupRequest(Path("participants.tsv"), model=GroupModel("age", ("sex",)))


def test_figures_are_those_of_the_files(group: Path) -> None:
    tables = measure_regions(FOLDERS, GroupRequest(), Path("out"))
    assert len(tables.rows) == 8 * 2 * 2
    row = next(
        row
        for row in tables.rows
        if (row.visit.case, row.images, row.region) == ("sub-3", "synthetic", "Left side")
    )
    inside = fa(3, 0.1).voxels[labels() == 1].astype(float)
    assert row.values.mean == pytest.approx(inside.mean())
    assert row.figure("volume") == pytest.approx(VOXEL_MM3 * inside.size)
    assert tables.tests == ()


def test_an_effect_that_was_planted_is_seen_where_it_is(group: Path) -> None:
    tables = measure_regions(FOLDERS, AGE, Path("out"))
    for images, tests in tables.tests:
        left, right = tests
        assert left.estimate == pytest.approx(SLOPE, abs=1e-3), images.images
        assert left.q < 1e-4 < right.q


def test_a_region_that_a_case_lacks_is_a_row_without_voxels(group: Path) -> None:
    own = labels()
    own[own == 2] = 0
    io.write(Volume(own, fa(0).affine), group / "labels/sub-0_dseg.nii.gz")
    tables = measure_regions(FOLDERS, GroupRequest(), Path("out"))
    first = next(row for row in tables.rows if (row.visit.case, row.values.label) == ("sub-0", 2))
    assert first.values.n == 0
    assert math.isnan(first.values.mean)


def test_a_cohort_brings_images_labels_and_names(group: Path) -> None:
    request = RegionRequest(cohort=write_cohort(group), split="test")
    told: list[int] = []
    tables = measure_regions(request, AGE, Path("out"), lambda stage, n, total: told.append(n))
    assert told == [1, 2, 3, 4, 5, 6]
    assert [row.region for row in tables.rows[:2]] == ["Left side", "label 2"]
    assert np.isclose(tables.rows[0].values.mean, fa(0).voxels[labels() == 1].mean(dtype=float))


def test_nothing_is_written_where_something_does_not_fit(group: Path) -> None:
    with pytest.raises(UsageError, match=r"--participants participants\.tsv"):
        measure_regions(FOLDERS, GroupRequest(model=GroupModel("age")), Path("out"))
    for path in (group / "labels").iterdir():
        io.write(Volume(labels() * 0, fa(0).affine), path)
    with pytest.raises(InputError, match="without a label above 0"):
        measure_regions(FOLDERS, GroupRequest(), Path("out"))
    assert not Path("out").exists()
