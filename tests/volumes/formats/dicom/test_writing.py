"""Volumes as DICOM series and back; held to dciodvfy where it is installed."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series
from transmodal.volumes.geometry.reorient import reorient

SHAPE = (4, 5, 3)


def about(modality: str = "CT", **more: Any) -> SeriesAbout:  # noqa: ANN401 - as the class has them
    return SeriesAbout(modality, "a test", "test", generate_uid(), generate_uid(), **more)


def voxels(kind: str = "i2") -> NDArray[Any]:
    return np.random.default_rng(5).integers(-900, 900, SHAPE).astype(kind)


def back(volume: Volume, folder: Path, modality: str = "CT") -> Volume:
    write_series(volume, folder, about(modality))
    return io.read(folder)


def in_canonical_slice_order(volume: Volume) -> Volume:
    """As DICOM has it: slices along the cross product of rows and columns."""
    lps = np.diag([-1.0, -1.0, 1.0]) @ volume.affine[:3, :3]
    if np.linalg.det(lps) > 0:
        return volume
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (volume.voxels.shape[2] - 1)
    affine[:3, 2] *= -1
    return Volume(volume.voxels[:, :, ::-1], affine)


ORIENTATIONS = [
    "".join(pairs[axis][sign] for axis, sign in zip(order, signs, strict=True))
    for pairs in [("LR", "PA", "IS")]
    for order in itertools.permutations(range(3))
    for signs in itertools.product((0, 1), repeat=3)
]


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_every_orientation_comes_back(tmp_path: Path, code: str) -> None:
    turned = reorient(Volume(voxels(), np.diag([0.7, 1.3, 2.9, 1.0])), code)
    oblique = np.eye(4)
    oblique[:3, :3] = Rotation.from_euler("xyz", (7, -11, 4), degrees=True).as_matrix()
    oblique[:3, 3] = (-31.4, 17.2, 123.4)
    given = Volume(turned.voxels, oblique @ turned.affine)
    wanted, found = in_canonical_slice_order(given), back(given, tmp_path / "s")
    np.testing.assert_array_equal(found.voxels, wanted.voxels)
    assert np.abs(found.grid.corners() - wanted.grid.corners()).max() < 1e-3
    assert len(ORIENTATIONS) == len(set(ORIENTATIONS)) == 48


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("kind", ["i2", "u2", "u1", "f4"])
def test_whole_numbers_come_back_exactly(tmp_path: Path, modality: str, kind: str) -> None:
    given = Volume(
        np.abs(voxels()).astype(kind) if kind != "i2" else voxels(), np.diag([-1.0, -1.0, 1.0, 1.0])
    )
    np.testing.assert_array_equal(back(given, tmp_path / "s", modality).voxels, given.voxels)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
def test_other_numbers_are_rounded_to_a_65536th_of_their_range(tmp_path: Path, scale: float) -> None:
    values = (scale * np.random.default_rng(2).normal(size=SHAPE)).astype(np.float32)
    found = back(Volume(values, np.diag([-1.0, -1.0, 1.0, 1.0])), tmp_path / "s", "MR").voxels
    step = float(values.max() - values.min()) / 65535
    assert 0 < np.abs(found - values).max() <= 0.51 * step


def test_what_series_cannot_hold_is_refused(tmp_path: Path) -> None:
    sheared = np.eye(4)
    sheared[0, 1] = 0.2
    bad = np.full(SHAPE, np.nan, np.float32)
    for volume, code in (
        (Volume(voxels(), sheared), "E112"),
        (Volume(np.zeros((*SHAPE, 3), np.uint8), np.eye(4)), "E122"),
        (Volume(bad, np.eye(4)), "E120"),
    ):
        with pytest.raises(InputError) as caught:
            write_series(volume, tmp_path / "s", about())
        assert caught.value.code == code
    with pytest.raises(UsageError, match="CT or MR"):
        about("US")
    assert list(tmp_path.iterdir()) == []


def test_what_is_synthetic_says_so(tmp_path: Path) -> None:
    volume = Volume(voxels(), np.diag([-1.0, -1.0, 1.0, 1.0]))
    for synthetic in (True, False):
        folder = tmp_path / str(synthetic)
        write_series(volume, folder, about(synthetic=synthetic))
        for path in folder.iterdir():
            one = pydicom.dcmread(path)
            assert (one.get("SyntheticData") == "YES") is synthetic
            assert (one.ImageType[0] == "DERIVED") is synthetic
            assert ("Not a medical device" in one.get("DerivationDescription", "")) is synthetic
            assert one.PatientID == "test"
            assert one.PatientBirthDate == ""


@pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="dciodvfy (Debian's dicom3tools) is not installed"
)
@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("synthetic", [False, True])
def test_dciodvfy_finds_no_error(tmp_path: Path, modality: str, synthetic: bool) -> None:
    volume = Volume(voxels() * 0.5, np.diag([-1.0, -1.0, 1.0, 1.0]))
    write_series(volume, tmp_path / "s", about(modality, synthetic=synthetic))
    for path in (tmp_path / "s").iterdir():
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        # SyntheticData is younger than the tool's dictionary.
        errors = [
            line
            for line in (done.stderr + done.stdout).splitlines()
            if line.startswith("Error") and "(0x0008,0x001c)" not in line
        ]
        assert not errors
        assert f"{modality}Image" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("code", "plane"), [("LPS", "AXIAL"), ("RAI", "AXIAL"), ("PSR", "SAGITTAL"), ("LIP", "CORONAL")]
)
@pytest.mark.parametrize("degrees", [0, 30])
def test_the_plane_is_that_of_the_slices(tmp_path: Path, code: str, plane: str, degrees: int) -> None:
    tilt = np.eye(4)
    tilt[:3, :3] = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    volume = reorient(Volume(voxels(), np.diag([1.0, 1.0, 2.0, 1.0])), code)
    write_series(Volume(volume.voxels, tilt @ volume.affine), tmp_path / "s", about(synthetic=True))
    images = [pydicom.dcmread(path) for path in (tmp_path / "s").iterdir()]
    assert {tuple(image.ImageType) for image in images} == {("DERIVED", "SECONDARY", plane)}
