"""DICOM series folders: slices in any order, rescale once, and folders that make no volume."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from dicom_files import series
from transmodal.errors import InputError
from transmodal.volumes import io

STUDY, SERIES, FRAME = (generate_uid() for _ in range(3))
CT = "1.2.840.10008.5.1.4.1.1.2"


def pixels(index: int) -> np.ndarray:
    return (np.arange(5 * 4).reshape(5, 4) + 100 * index).astype(np.int16)


def write(folder: Path, change: Callable[[FileDataset, int], None] | None = None, n: int = 4) -> Path:
    """An oblique CT series: 5 rows, 4 columns, 3 mm apart, files in reversed order."""
    folder.mkdir(parents=True, exist_ok=True)
    turn = np.deg2rad(10.0)
    row, column = np.array([np.cos(turn), np.sin(turn), 0.0]), np.array([-np.sin(turn), np.cos(turn), 0.0])
    for index in range(n):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CT
        meta.MediaStorageSOPInstanceUID = generate_uid()
        one = FileDataset(str(folder / "x"), {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID, one.SOPInstanceUID = CT, meta.MediaStorageSOPInstanceUID
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = STUDY, SERIES, FRAME
        one.Modality = "CT"
        one.Rows, one.Columns, one.SamplesPerPixel = 5, 4, 1
        one.PhotometricInterpretation = "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 1
        one.RescaleSlope, one.RescaleIntercept = 1, -1024
        one.PixelSpacing = [0.8, 0.5]
        one.SliceThickness = 3.0
        one.ImageOrientationPatient = [*map(float, row), *map(float, column)]
        one.ImagePositionPatient = [-20.0, 10.0, 5.0 + 3.0 * index]
        one.InstanceNumber = n - index
        one.PixelData = pixels(index).tobytes()
        if change is not None:
            change(one, index)
        one.save_as(folder / f"{n - index:03d}.dcm", enforce_file_format=True)
    return folder


def test_a_series_becomes_a_volume(tmp_path: Path) -> None:
    folder = write(tmp_path / "s")
    (folder / "notes.txt").write_text("not DICOM")
    volume = io.read(folder)
    assert volume.voxels.shape == (4, 5, 4)
    assert volume.voxels.dtype.kind == "i"
    for index in range(4):
        np.testing.assert_array_equal(volume.voxels[:, :, index], pixels(index).T.astype(int) - 1024)
    assert volume.spacing == pytest.approx((0.5, 0.8, 3.0))
    np.testing.assert_allclose(volume.affine[:3, 3], [20.0, -10.0, 5.0])
    assert volume.orientation == "LPS"


def test_rescale_is_taken_slice_by_slice(tmp_path: Path) -> None:
    def scaled(one: FileDataset, index: int) -> None:
        one.RescaleSlope, one.RescaleIntercept = 0.5 + index, 3.25

    volume = io.read(write(tmp_path / "s", scaled))
    for index in range(4):
        np.testing.assert_allclose(volume.voxels[:, :, index], pixels(index).T * (0.5 + index) + 3.25)


def drop_second(one: FileDataset, index: int) -> None:
    if index >= 2:
        one.ImagePositionPatient = [-20.0, 10.0, 5.0 + 3.0 * (index + 1)]


def at_one_place(one: FileDataset, index: int) -> None:
    one.ImagePositionPatient = [-20.0, 10.0, 5.0 + 3.0 * max(index, 1)]


def two_series(one: FileDataset, index: int) -> None:
    if index == 3:
        one.SeriesInstanceUID = generate_uid()


def turned(one: FileDataset, index: int) -> None:
    if index == 1:
        one.ImageOrientationPatient = [1.0, 0, 0, 0, 1.0, 0]


def short(one: FileDataset, index: int) -> None:
    one.PixelData = one.PixelData[:-6]


def inverted(one: FileDataset, index: int) -> None:
    one.PhotometricInterpretation = "MONOCHROME1"


def unplaced(one: FileDataset, index: int) -> None:
    del one.ImagePositionPatient


def frames(one: FileDataset, index: int) -> None:
    one.NumberOfFrames = 2
    one.PixelData = one.PixelData * 2


@pytest.mark.parametrize(
    "change",
    [drop_second, at_one_place, two_series, turned, short, inverted, unplaced, frames],
    ids=lambda f: f.__name__,
)
def test_series_that_make_no_volume(change: Callable[[FileDataset, int], None], tmp_path: Path) -> None:
    with pytest.raises(InputError):
        io.read(write(tmp_path / "s", change))


def test_cut_files_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "s")
    victim = folder / "002.dcm"
    whole = victim.read_bytes()
    for length in (140, 300, len(whole) // 2, len(whole) - 1):
        victim.write_bytes(whole[:length])
        with pytest.raises(InputError):
            io.read(folder)


@pytest.mark.parametrize("name", ["8", "a87ff679", "1.2.840.9.8"])
def test_a_last_file_without_ending_that_is_cut_is_refused(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "s")
    for path in folder.iterdir():
        path.rename(folder / path.stem)
    victim = (folder / "001").rename(folder / name)
    whole = victim.read_bytes()
    for length in (*range(0, 400, 9), 128, 131, 132):
        victim.write_bytes(whole[:length])
        with pytest.raises(InputError, match="one may be missing"):
            io.read(folder)


@pytest.mark.parametrize("missing", ["RescaleIntercept", "RescaleSlope"])
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_one_slice_without_rescale_is_refused(missing: str, modality: str, tmp_path: Path) -> None:
    def change(dataset: FileDataset, index: int) -> None:
        dataset.Modality = modality
        if modality != "CT":
            dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        if index == 2:
            delattr(dataset, missing)

    with pytest.raises(InputError, match=f"without {missing}") as refused:
        io.read(write(tmp_path / "s", change))
    assert refused.value.code == "E105"


def test_folders_without_a_series(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as refused:
        io.read(tmp_path / "empty")
    assert refused.value.code == "E100"


def test_pydicom_agrees(tmp_path: Path) -> None:
    folder = write(tmp_path / "s")
    volume = io.read(folder)
    first = pydicom.dcmread(folder / "004.dcm")
    np.testing.assert_array_equal(first.pixel_array.T.astype(int) - 1024, volume.voxels[:, :, 0])


def test_copies_are_read_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = series(tmp_path / "s")
    right = io.read(folder)
    shutil.copy(folder / "0002.dcm", folder / "copy of 0002.dcm")
    shutil.copy(folder / "0006.dcm", folder / "copy of 0006.dcm")
    with caplog.at_level(logging.WARNING):
        again = io.read(folder)
    np.testing.assert_array_equal(again.voxels, right.voxels)
    assert "2 of 8 files are identical copies of others; read once" in caplog.text


def test_one_uid_with_two_contents_is_no_copy(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    one = pydicom.dcmread(folder / "0002.dcm")
    one.PixelData = one.PixelData[::-1]
    one.save_as(folder / "0099.dcm")
    with pytest.raises(InputError, match="are the same slice"):
        io.read(folder)
