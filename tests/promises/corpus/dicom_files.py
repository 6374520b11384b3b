"""The DICOM series from which faulty and valid ones are made: an oblique CT of four slices, the same at every hour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from promises.entries import Image, Write

Change = Callable[[FileDataset, int], None]
N = 4
LAST = "001.dcm"
"""The end slice's file: slices are named from the top."""
_ROOT = "1.2.826.0.1.3680043.8.498"
_CT = "1.2.840.10008.5.1.4.1.1.2"
_TURN = np.deg2rad(10.0)


def pixels(index: int) -> NDArray[np.int16]:
    """Return the stored pixels of a slice, 5 rows of 4 columns."""
    return (np.arange(20).reshape(5, 4) + 100 * index).astype(np.int16)


VOXELS = np.stack([pixels(index).T - 1024 for index in range(N)], axis=2)
AFFINE = np.array(
    [
        [-0.5 * np.cos(_TURN), 0.8 * np.sin(_TURN), 0, 20],
        [-0.5 * np.sin(_TURN), -0.8 * np.cos(_TURN), 0, -10],
        [0, 0, 3, 5],
        [0, 0, 0, 1],
    ]
)
TRUTH = Image(VOXELS, AFFINE)


def series(change: Change | None = None, after: Callable[[Path], None] | None = None, n: int = N) -> Write:
    """Return a writer of a series.

    Args:
        change: gets each slice with its number from 0, before it is written.
        after: gets the folder with the files, `001.dcm` being the last slice.
        n: slices.
    """

    def write(folder: Path) -> Path:
        path = folder / "series"
        path.mkdir()
        for index in range(n):
            slice_ = _slice(index)
            if change is not None:
                change(slice_, index)
            slice_.save_as(path / f"{n - index:03d}.dcm", enforce_file_format=True)
        if after is not None:
            after(path)
        return path

    return write


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return what changes the bytes of one file of a series."""

    def rewrite(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return rewrite


def setting(**elements: object) -> Change:
    """Return a change of elements of every slice; None removes one."""

    def change(slice_: FileDataset, _: int) -> None:
        for keyword, value in elements.items():
            if value is None:
                delattr(slice_, keyword)
            else:
                setattr(slice_, keyword, value)

    return change


def one_slice(index: int, **elements: object) -> Change:
    """Return a change of elements of one slice alone."""

    def change(slice_: FileDataset, number: int) -> None:
        if number == index:
            setting(**elements)(slice_, number)

    return change


def _slice(index: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, _CT
    meta.MediaStorageSOPInstanceUID = f"{_ROOT}.1.{index + 1}"
    slice_ = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    slice_.SOPClassUID, slice_.SOPInstanceUID = _CT, meta.MediaStorageSOPInstanceUID
    slice_.StudyInstanceUID, slice_.SeriesInstanceUID = f"{_ROOT}.2", f"{_ROOT}.3"
    slice_.FrameOfReferenceUID, slice_.Modality = f"{_ROOT}.4", "CT"
    slice_.Rows, slice_.Columns, slice_.SamplesPerPixel = 5, 4, 1
    slice_.PhotometricInterpretation = "MONOCHROME2"
    slice_.BitsAllocated = slice_.BitsStored = 16
    slice_.HighBit, slice_.PixelRepresentation = 15, 1
    slice_.RescaleSlope, slice_.RescaleIntercept = 1, -1024
    slice_.PixelSpacing, slice_.SliceThickness = [0.8, 0.5], 3.0
    row, column = (np.cos(_TURN), np.sin(_TURN), 0.0), (-np.sin(_TURN), np.cos(_TURN), 0.0)
    slice_.ImageOrientationPatient = [float(number) for number in (*row, *column)]
    slice_.ImagePositionPatient = [-20.0, 10.0, 5.0 + 3.0 * index]
    slice_.PixelData = pixels(index).tobytes()
    return slice_


def edit_all(before: bytes, after: bytes) -> Callable[[Path], None]:
    """Return a change that replaces bytes in every file."""

    def rewrite(folder: Path) -> None:
        for path in folder.iterdir():
            path.write_bytes(path.read_bytes().replace(before, after))

    return rewrite
