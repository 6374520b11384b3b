"""The DICOM series from which faulty and valid ones are made: an oblique CT of four slices, the same at every hour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset

from promises.entries import Image, Write
from volumes.test_dicom_series import pixels
from volumes.test_dicom_series import write as write_series

Change = Callable[[FileDataset, int], None]
N = 4
_ROOT = "1.2.826.0.1.3680043.8.498"
_TURN = np.deg2rad(10.0)
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
        path = write_series(folder / "series", lambda slice_, index: _settle(slice_, index, change), n)
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


def _settle(slice_: FileDataset, index: int, change: Change | None) -> None:
    """Give a slice UIDs that do not depend on the hour, and change it."""
    slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = f"{_ROOT}.1.{index + 1}"
    slice_.StudyInstanceUID, slice_.SeriesInstanceUID = f"{_ROOT}.2", f"{_ROOT}.3"
    slice_.FrameOfReferenceUID = f"{_ROOT}.4"
    if change is not None:
        change(slice_, index)
