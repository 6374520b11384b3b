"""DICOM written: a volume as a series of CT or MR images, one file per slice, marked as what it is.

The modules are those of the CT Image and MR Image IODs (PS3.3 A.3 and A.4). Identity is what the caller gives;
nothing of a patient is invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from transmodal.errors import InputError, UsageError
from transmodal.notice import INTENDED_USE
from transmodal.storage import files
from transmodal.volumes.volume import Affine, Volume

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SHEAR = 1e-4
_CHARACTER_SET = "ISO_IR 192"
_ENCODINGS = convert_encodings(_CHARACTER_SET)
"""UTF-8, as DICOM and as Python call it."""
SYNTHETIC = "SYNTHETIC"
"""Start of descriptions of what no scanner measured."""
_EMPTY = (
    *("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "ReferringPhysicianName"),
    *("StudyID", "AccessionNumber", "Manufacturer"),
)
"""Elements that have to be there and may be empty."""


@dataclass(frozen=True, slots=True)
class SeriesAbout:
    """Identity and description of a series to write.

    Attributes:
        modality: `CT` or `MR`.
        description: SeriesDescription.
        patient: PatientID, and PatientName.
        study: StudyInstanceUID.
        frame: FrameOfReferenceUID; equal for series whose coordinates can be compared.
        number: SeriesNumber.
        synthetic: whether no scanner measured it: SyntheticData, ImageType and DerivationDescription say so.
        body_part: BodyPartExamined; left out where it is empty.
        series: SeriesInstanceUID, from which those of the images follow; a new one where it is empty.
        elements: that every image gets besides, in place of those that this writer sets; None for none.
    """

    modality: str
    description: str
    patient: str
    study: str
    frame: str
    number: int = 1
    synthetic: bool = False
    body_part: str = "HEAD"
    series: str = ""
    elements: Dataset | None = None

    def __post_init__(self) -> None:
        if self.modality not in ("CT", "MR"):
            raise UsageError("E001", f"a series of {self.modality}", "CT or MR", "Write NIfTI instead.")


def write_series(volume: Volume, folder: Path, about: SeriesAbout) -> None:
    """Write a grey volume as a series into a folder, which appears whole or not at all.

    Whole numbers of 16 bits come back exactly; others are rounded to 65536 steps between their extremes. Slices
    are read back in order of their normal, so that an axis that runs against it comes back reversed, with an
    affine that says so.

    Args:
        volume: `(I, J, K)`; I runs along rows, J along columns, K from slice to slice.
        folder: of the series.
        about: its identity and description.

    Raises:
        InputError: E122 for colour, E112 for a sheared grid, which slices of one direction cannot hold, E120 for
            values that are not finite.
        UsageError: E005 when the place is not usable.
        ResourceError: E403 when the disk is full or may not be written.
    """
    with files.atomic_folder(folder) as beside:
        write_slices(volume, beside, about)


def write_slices(volume: Volume, folder: Path, about: SeriesAbout) -> None:
    """Write the files of a series into a folder that is there; else as `write_series`.

    Raises:
        InputError: as `write_series`.
    """
    if volume.is_colour:
        raise InputError("E122", "a colour volume", "a grey one", "Write NIfTI or TIFF instead.")
    if not np.isfinite(volume.voxels).all():
        raise InputError("E120", "values that are not finite", "numbers", "Repair the volume.")
    lps = _LPS @ volume.affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    axes = lps[:3, :3] / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > _SHEAR:
        raise InputError(
            "E112",
            "a sheared grid",
            "axes at right angles, as DICOM slices have them",
            "Write NIfTI, or resample it.",
        )
    stored, slope, intercept = _to_16_bits(volume.voxels)
    series = about.series or generate_uid()
    elements = Dataset() if about.elements is None else _encode(about.elements)
    for k in range(stored.shape[2]):
        dataset = _build_slice(about, series, k, name_plane(volume.affine))
        _set_position(dataset, lps, axes, spacing, k)
        _set_pixels(dataset, stored[:, :, k], slope, intercept, about.modality)
        dataset.update(elements)
        dataset.set_original_encoding(
            is_implicit_vr=False, is_little_endian=True, character_encoding=_ENCODINGS
        )
        dataset.save_as(folder / f"{k + 1:04d}.dcm", enforce_file_format=True)


def name_plane(affine: Affine) -> Literal["AXIAL", "CORONAL", "SAGITTAL"]:
    """Return the plane of the body that slices along the third axis lie in, or nearest to.

    Args:
        affine: to RAS+ mm.
    """
    normal = np.abs(np.cross(affine[:3, 0], affine[:3, 1]))
    return ("SAGITTAL", "CORONAL", "AXIAL")[int(normal.argmax())]


def _to_16_bits(voxels: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Return 16-bit numbers, and the slope and intercept that lead back to the values."""
    low, high = float(voxels.min()), float(voxels.max())
    whole = voxels.dtype.kind in "biu" or np.array_equal(voxels, np.rint(voxels))
    for kind in (np.int16, np.uint16):
        if whole and np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return voxels.astype(kind), 1.0, 0.0
    slope = float(f"{(high - low) / 65535:.9e}")  # a decimal string holds 16 characters
    intercept = float(f"{low:.8e}")
    steps = np.rint((voxels.astype(np.float64) - intercept) / slope).clip(0, 65535)
    return steps.astype(np.uint16), slope, intercept


def _build_slice(about: SeriesAbout, series: str, k: int, plane: str) -> FileDataset:
    kind = CTImageStorage if about.modality == "CT" else MRImageStorage
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[series, str(k)])
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = _CHARACTER_SET
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = about.study, series
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = about.frame, ""
    dataset.PatientID = dataset.PatientName = about.patient
    for keyword in _EMPTY:
        setattr(dataset, keyword, "")
    dataset.Modality, dataset.SeriesNumber = about.modality, about.number
    dataset.PatientPosition, dataset.InstanceNumber = "HFS", k + 1
    if about.body_part:
        dataset.BodyPartExamined = about.body_part
    _describe(dataset, about, plane)
    if about.modality == "CT":
        dataset.KVP = dataset.AcquisitionNumber = None
    else:
        dataset.ScanningSequence, dataset.SequenceVariant, dataset.MRAcquisitionType = "RM", "NONE", "3D"
        dataset.ScanOptions = dataset.RepetitionTime = dataset.EchoTime = dataset.EchoTrainLength = None
    return dataset


def _describe(dataset: FileDataset, about: SeriesAbout, plane: str) -> None:
    """Set what the image is called and of which kind it is; what no scanner measured says so in three elements."""
    dataset.SeriesDescription = about.description
    if not about.synthetic:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", plane if about.modality == "CT" else "OTHER"]
        return
    dataset.ImageType = ["DERIVED", "SECONDARY", plane]
    dataset.SyntheticData, dataset.DerivationDescription = "YES", f"{SYNTHETIC}. {INTENDED_USE}"


def _encode(elements: Dataset) -> Dataset:
    """Return elements as the bytes that files hold: references to all sources would be encoded anew in every file."""
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_dataset(stream, elements, _CHARACTER_SET)
    encoded: Dataset = read_dataset(BytesIO(stream.getvalue()), is_implicit_VR=False, is_little_endian=True)
    return encoded


def _set_position(
    dataset: FileDataset,
    lps: NDArray[np.float64],
    axes: NDArray[np.float64],
    spacing: NDArray[np.float64],
    k: int,
) -> None:
    position = lps @ np.array([0.0, 0.0, float(k), 1.0])
    dataset.ImagePositionPatient = [_decimal_string(value) for value in position[:3]]
    dataset.ImageOrientationPatient = [_decimal_string(value) for value in (*axes[:, 0], *axes[:, 1])]
    dataset.PixelSpacing = [
        _decimal_string(spacing[1]),
        _decimal_string(spacing[0]),
    ]  # between rows, then between columns
    dataset.SliceThickness = _decimal_string(spacing[2])
    if dataset.Modality == "MR":
        dataset.SpacingBetweenSlices = _decimal_string(spacing[2])


def _set_pixels(
    dataset: FileDataset, plane: NDArray[Any], slope: float, intercept: float, modality: str
) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Columns, dataset.Rows = plane.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, int(plane.dtype.kind == "i")
    if modality == "CT" or (slope, intercept) != (1.0, 0.0):
        dataset.RescaleSlope, dataset.RescaleIntercept = _decimal_string(slope), _decimal_string(intercept)
        dataset.RescaleType = "HU" if modality == "CT" else "US"
    pixels = np.ascontiguousarray(plane.T).astype(f"<{plane.dtype.kind}2").tobytes()
    dataset.add_new("PixelData", "OW", pixels)


def _decimal_string(value: float) -> str:
    """Return a number as a decimal string holds it: 16 characters at most."""
    for digits in range(14, 5, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    return f"{value:.5g}"
