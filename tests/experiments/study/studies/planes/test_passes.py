"""A case's passes go through the users' door, and their figures are those of the metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.run import study
from transmodal.experiments.study.studies.planes.figures import VOLUMES
from transmodal.experiments.study.studies.planes.passes import axis_of, edges
from transmodal.volumes import Volume


def test_edges_are_slopes_per_mm_however_the_voxels_lie() -> None:
    ramp = np.broadcast_to(np.arange(6.0)[:, None, None] * 3, (6, 5, 4)).astype(np.float32)
    volume = Volume(np.ascontiguousarray(ramp), np.diag([1.5, 2.0, 2.0, 1.0]))
    assert edges(volume) == pytest.approx(np.full((6, 5, 4), 2.0))
    colour = Volume(np.repeat(ramp[..., None], 3, axis=3).astype(np.uint8), np.diag([1.5, 2.0, 2.0, 1.0]))
    assert edges(colour).shape == (6, 5, 4, 3)


def test_planes_are_the_patients() -> None:
    affine = np.array([[0, 0, 3.0, 0], [1.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])
    volume = Volume(np.zeros((4, 5, 6), np.float32), affine)
    assert [axis_of(volume, plane) for plane in "xyz"] == [2, 0, 1]


def test_a_trained_run_is_studied_by_the_verb(cohort: Path, recipe: Path, tmp_path: Path) -> None:
    record = study("planes", [recipe], Cohort.open(cohort), output=tmp_path / "planes", device="cpu")
    errors = [f for f in record.figures if f.table == VOLUMES and f.figure == "MAE"]
    assert [f.group for f in errors] == ["x, sagittal", "y, coronal", "z, axial", "fused"]
    assert len({f.value for f in errors}) == 4
    assert [f.n for f in errors] == [6] * 4
    assert (tmp_path / "planes" / "study.html").is_file()
