"""DICOM series that are whole, in any order, and with what archives lay beside them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from promises.corpus.dicom_files import AFFINE, TRUTH, VOXELS, Change, pixels, series, setting
from promises.entries import Entry, Image, Write, valid


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from valid("dicom", {**_pixels(), **_folders()})


def _pixels() -> dict[str, tuple[Write, Image]]:
    tilted = AFFINE.copy()
    tilted[:3, 2] = (0, -0.5, 3)
    raw = (VOXELS + 1024).astype(np.int16)
    scaled = np.stack([pixels(n).T * (0.5 + n) + 3.25 for n in range(4)], axis=2).astype(np.float32)
    colour = np.stack(
        [np.stack([(pixels(n).T % 200 + c) for c in range(3)], axis=-1) for n in range(4)], axis=2
    )
    mr = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}
    return {
        "a CT": (series(), TRUTH),
        "a tilted gantry": (series(_tilt), Image(VOXELS, tilted)),
        "a slope of its own for each slice": (series(_scale), Image(scaled, AFFINE)),
        "MR without rescale": (
            series(setting(RescaleSlope=None, RescaleIntercept=None, **mr)), Image(raw, AFFINE)),
        "unsigned pixels of 12 bits": (
            series(setting(PixelRepresentation=0, BitsStored=12, HighBit=11)), TRUTH),
        "implicit VR": (series(_implicit), TRUTH),
        "RLE": (series(_compress), TRUTH),
        "zeros behind the pixels": (series(_pad), TRUTH),
        "colour": (series(_colour), Image(colour.astype(np.uint8), AFFINE)),
        "a single slice": (series(n=1), Image(VOXELS[:, :, :1], AFFINE)),
    }  # fmt: skip


def _tilt(slice_: FileDataset, index: int) -> None:
    slice_.ImagePositionPatient = [-20.0, 10.0 + 0.5 * index, 5.0 + 3.0 * index]


def _scale(slice_: FileDataset, index: int) -> None:
    slice_.RescaleSlope, slice_.RescaleIntercept = 0.5 + index, 3.25


def _implicit(slice_: FileDataset, _: int) -> None:
    slice_.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def _compress(slice_: FileDataset, _: int) -> None:
    slice_.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)


def _pad(slice_: FileDataset, _: int) -> None:
    slice_.PixelData = slice_.PixelData + bytes(24)


def _colour(slice_: FileDataset, index: int) -> None:
    grey = pixels(index) % 200
    slice_.PhotometricInterpretation, slice_.SamplesPerPixel, slice_.PlanarConfiguration = "RGB", 3, 0
    slice_.BitsAllocated = slice_.BitsStored = 8
    slice_.HighBit, slice_.PixelRepresentation = 7, 0
    slice_.PixelData = np.stack([grey + c for c in range(3)], axis=-1).astype(np.uint8).tobytes()


def _folders() -> dict[str, tuple[Write, Image]]:
    no_change: Change | None = None
    return {
        "names without an ending": (series(no_change, _rename), TRUTH),
        "notes and tables beside it": (series(no_change, _add_notes), TRUTH),
        "copies of slices": (series(no_change, _copy), TRUTH),
        "a report beside it": (series(no_change, _add_report), TRUTH),
    }


def _rename(folder: Path) -> None:
    for path in list(folder.iterdir()):
        path.rename(folder / f"IM{path.stem}")


def _add_notes(folder: Path) -> None:
    (folder / "notes.txt").write_text("a phantom")
    (folder / "series.csv").write_text("a,b\n1,2\n")
    (folder / ".hidden").write_bytes(b"\0")


def _copy(folder: Path) -> None:
    shutil.copy(folder / "002.dcm", folder / "copy of 002.dcm")


def _add_report(folder: Path) -> None:
    """Add DICOM of another class, which has no rows because it is no image."""
    import pydicom

    report = pydicom.dcmread(folder / "001.dcm", stop_before_pixels=True)
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        delattr(report, keyword)
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    report.Modality = "SR"
    report.save_as(folder / "report.dcm")
