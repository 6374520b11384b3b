"""Jobs of a translation: how sources are read, what a sidecar says of them, and who was learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from transmodal.cohorts.store import Cohort
from transmodal.commands._jobs import Job, keys_of
from transmodal.errors import InputError
from transmodal.storage import files
from transmodal.volumes import Volume, io
from transmodal.volumes.reading import Reading

VOLUME = Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.diag([2.0, 2.0, 3.0, 1.0]))


def test_files_are_read_and_known_by_their_hash(tmp_path: Path) -> None:
    path = tmp_path / "anna.nii.gz"
    io.write(VOLUME, path)
    job = Job("anna", {"t1": path}, tmp_path / "fa.nii.gz")
    np.testing.assert_array_equal(job.read()["t1"].voxels, VOLUME.voxels)
    assert job.origins() == {"t1": {"sha256": files.sha256_file(path)}}
    assert job.source_names() == {"t1": "anna.nii.gz"}
    assert job.assumed() == []


def test_sources_are_those_of_a_sidecar_whether_it_names_them_or_not(tmp_path: Path) -> None:
    path = tmp_path / "anna.nii.gz"
    io.write(VOLUME, path)
    job, digest = Job("anna", {"t1": path}, tmp_path / "fa.nii.gz"), files.sha256_file(path)
    assert job.is_of({"t1": {"sha256": digest}})
    assert job.is_of({"t1": {"name": "anna.nii.gz", "sha256": digest}})
    for others in (None, {}, {"t1": {"sha256": "0"}}, {"t2": {"sha256": digest}}, {"t1": digest}):
        assert not job.is_of(others)


def test_files_of_a_dicom_folder_are_counted_and_not_named(tmp_path: Path) -> None:
    for name in ("doe-1.dcm", "doe-2.dcm"):
        (tmp_path / "doe").mkdir(exist_ok=True)
        (tmp_path / "doe" / name).write_bytes(name.encode())
    (origin,) = Job("x", {"t1": tmp_path / "doe"}, tmp_path / "fa.nii.gz").origins().values()
    assert isinstance(origin, dict)
    assert (origin["name"], origin["n_files"]) == ("DICOM series", 2)
    assert "doe" not in str(origin)


def test_pictures_are_taken_for_axial_slices_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "slice.png"
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(path)
    job = Job("slice", {"t1": path}, tmp_path / "fa.tif")
    assert job.read()["t1"].orientation == "LPS"
    assert "axial slices" in job.assumed()[0]
    said = Job("slice", {"t1": path}, tmp_path / "fa.tif", Reading(assume_orientation="RAS"))
    assert (said.read()["t1"].orientation, said.assumed()) == ("RAS", [])


def test_a_prepared_case_comes_back_on_its_native_grid(folders: Path) -> None:
    case = Cohort.open(folders / "cohort").cases("test")[0]
    job = Job(case.id, {"t1": folders / case.entry.volumes["t1"].file}, folders / "fa.nii.gz", case=case)
    volume = job.read()["t1"]
    assert volume.voxels.shape == case.entry.volumes["t1"].native_shape
    np.testing.assert_allclose(volume.affine, case.native_grid("t1").affine)
    assert job.assumed() == []


def test_keys_are_those_of_the_training_cohort(folders: Path) -> None:
    assert keys_of(None) == ()
    with pytest.raises(InputError):
        keys_of(folders / "run")
