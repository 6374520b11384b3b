"""Volumes are written as a release has them, and say that no scanner measured them."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from transmodal.cohorts.simulation.release.saving import in_colours, save, save_bids, save_dicom, save_series
from transmodal.volumes import Volume, io

VOLUME = Volume(np.arange(120, dtype=np.int16).reshape(6, 5, 4), np.diag([2.0, 2.0, 2.0, 1.0]))


def test_files_lie_where_they_are_told_and_are_marked(tmp_path: Path) -> None:
    save({"a/b/t1.nii.gz": VOLUME, "mask.nii": VOLUME}, tmp_path)
    np.testing.assert_array_equal(io.read(tmp_path / "a/b/t1.nii.gz").voxels, VOLUME.voxels)
    header = nib.load(tmp_path / "mask.nii").header  # type: ignore[attr-defined]
    assert bytes(header["descrip"]).rstrip(b"\0") == b"VIRTUAL SUBJECT"


def test_a_series_has_its_tables_beside_it(tmp_path: Path) -> None:
    fa = VOLUME.with_voxels(np.full((6, 5, 4), 0.5, np.float32))
    files = {"s/anat/s_T1w.nii.gz": VOLUME, "s/dwi/s_dwi.nii.gz": VOLUME, "s/dwi/s_fa.nii.gz": fa}
    save_series(files, tmp_path)
    assert not (tmp_path / "s/dwi/s_fa.nii.gz").exists()
    b = np.loadtxt(tmp_path / "s/dwi/s_dwi.bval")
    vectors = np.loadtxt(tmp_path / "s/dwi/s_dwi.bvec")
    shape = nib.load(tmp_path / "s/dwi/s_dwi.nii.gz").shape  # type: ignore[attr-defined]
    assert shape == (6, 5, 4, len(b))
    assert vectors.shape == (3, len(b))


def test_a_dataset_describes_itself(tmp_path: Path) -> None:
    save_bids({"sub-01/anat/sub-01_T1w.nii.gz": VOLUME}, tmp_path)
    about = json.loads((tmp_path / "dataset_description.json").read_text())
    assert about["DatasetType"] == "raw"


def test_each_image_is_a_series_of_one_study(tmp_path: Path) -> None:
    save_dicom({"s1/t1": VOLUME, "s1/ct": VOLUME}, tmp_path)
    assert sorted(path.name for path in (tmp_path / "s1").iterdir()) == ["001", "002"]
    back = io.read(tmp_path / "s1" / "002")
    assert sorted(back.voxels.ravel().tolist()) == list(range(120))


def test_every_label_has_a_colour_of_its_own_and_others_have_none() -> None:
    labels = VOLUME.with_voxels((VOLUME.voxels % 3).astype(np.uint8))
    coloured = in_colours(labels)
    assert coloured.is_colour
    assert len(np.unique(coloured.voxels.reshape(-1, 3), axis=0)) == 3
    with pytest.raises(IndexError):
        in_colours(VOLUME.with_voxels(np.full((6, 5, 4), 200, np.uint8)))
