"""A case of DICOM series: its volumes, its origins without names, and its fingerprint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.layouts._dicom_case import DicomCase
from transmodal.cohorts.steps.voxelwise import Clip
from transmodal.volumes import Volume
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

VOXELS = np.random.default_rng(0).integers(1, 900, (6, 5, 4)).astype(np.int16)


@pytest.fixture
def case(tmp_path: Path) -> DicomCase:
    place = tmp_path / "DOE^JANE"
    write_series(Volume(VOXELS, np.eye(4)), place, SeriesAbout("MR", "t1", "ID^1", "1.2.3", "1.2.9"))
    return DicomCase("c1", "p1", {"t1": tuple(sorted(place.iterdir()))})


def test_series_are_read_and_steps_are_taken(case: DicomCase) -> None:
    loaded = case.load()
    assert sorted(loaded.volumes["t1"].voxels.ravel().tolist()) == sorted(VOXELS.ravel().tolist())
    assert loaded.origins["t1"].name == "DICOM series"
    clipped = replace(case, steps=(Clip(("t1",), 0, 100),)).load()
    assert clipped.volumes["t1"].voxels.max() == 100


def test_the_fingerprint_follows_content_and_steps_not_names_or_order(case: DicomCase) -> None:
    paths = case.series["t1"]
    assert replace(case, series={"t1": paths[::-1]}).fingerprint() == case.fingerprint()
    others = [
        replace(case, series={"t1": paths[:-1]}),
        replace(case, group="site A"),
        replace(case, simulated=frozenset({"t1"})),
        replace(case, steps=(Clip(("t1",), 0, 100),)),
    ]
    assert len({case.fingerprint(), *(other.fingerprint() for other in others)}) == 5
    before = case.fingerprint()
    moved = paths[0].rename(paths[0].with_name("another-name"))
    assert replace(case, series={"t1": (moved, *paths[1:])}).fingerprint() == before
