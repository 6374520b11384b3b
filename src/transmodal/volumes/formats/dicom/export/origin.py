"""The origin of a synthetic series: patient, study, frame of reference and images of the series that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from transmodal.errors import InputError
from transmodal.storage import files
from transmodal.volumes.formats.dicom.privacy import quiet
from transmodal.volumes.formats.dicom.series import read_slices
from transmodal.volumes.formats.dicom.slice_header import Slice

PLACEHOLDER = "UNKNOWN"
"""Start of PatientID where neither a source nor the user says whose image it is; the source's digits follow."""
_SEED_DIGITS = 8
ELEMENTS = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("PatientAge", "PatientSize", "PatientWeight"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber"),
    *("StudyDescription", "ReferringPhysicianName"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "PatientPosition"),
    *("BodyPartExamined", "Laterality"),
)
"""Elements that a synthetic series has from its source: of patient, study, frame of reference and position."""
_INSTANCE = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_REMEDIES = {
    "PatientID": "Check which series belong together.",
    "FrameOfReferenceUID": "Register the source to the other series, write the registered image as NIfTI, and translate "
    "that in its place with --onto.",
}
"""What helps where the source and the series to write it onto differ in an element."""
_SERIES_STEP = 1000
"""SeriesNumber of a synthetic series is its source's and so many more."""


class SourceImage(NamedTuple):
    """An image that a synthetic series was made from.

    Attributes:
        sop_class: SOPClassUID.
        instance: SOPInstanceUID.
        series: SeriesInstanceUID.
        study: StudyInstanceUID.
    """

    sop_class: str
    instance: str
    series: str
    study: str


@dataclass(frozen=True)
class SeriesOrigin:
    """Of whom a synthetic series is, where in space it lies, and from which images it was made.

    Attributes:
        elements: of patient, study, frame of reference and position, `ELEMENTS` at most.
        images: that it was made from; empty where they were no DICOM.
        number: SeriesNumber for the synthetic series.
        is_placeholder: whether the patient is nobody known.
    """

    elements: Dataset
    images: tuple[SourceImage, ...] = ()
    number: int = _SERIES_STEP
    is_placeholder: bool = False

    def with_frame_of(self, second: SeriesOrigin) -> SeriesOrigin:
        """Return this origin in the frame of reference of another series of the patient.

        Raises:
            InputError: E130 where their patients, or their frames of reference, differ.
        """
        for keyword, remedy in _REMEDIES.items():
            if self.elements.get(keyword) != second.elements.get(keyword):
                raise InputError(
                    "E130",
                    f"the source and the series to write it onto differ in {keyword}",
                    "series of one patient and one frame of reference, whose coordinates can be compared",
                    remedy,
                )
        return self


def read_origin(folders: Sequence[Path], series: str | None = None) -> SeriesOrigin:
    """Read of whom the series in folders are, and which images they hold.

    Args:
        folders: of DICOM, the first of which says of whom and where.
        series: SeriesInstanceUID or SeriesNumber, where a folder holds several.

    Raises:
        InputError: E103 where the series lack a study, or differ in patient or frame of reference, and as `series.read`.
        UsageError, ResourceError: as `series.read`.
    """
    groups = [read_slices(folder, series) for folder in folders]
    first = groups[0][0]
    for slices in groups[1:]:
        for keyword in ("PatientID", "FrameOfReferenceUID"):
            if slices[0].text(keyword) != first.text(keyword):
                raise InputError(
                    "E103",
                    f"the sources differ in {keyword}",
                    "series of one patient in one frame of reference",
                    "Check which series belong together, or write NIfTI.",
                )
    if not first.text("StudyInstanceUID"):
        raise InputError(
            "E103",
            f"{first.name} has no StudyInstanceUID",
            "a series that says of which study it is",
            "Export it again, or write NIfTI.",
        )
    images = tuple(
        SourceImage(*(header.text(keyword) for keyword in _INSTANCE))
        for slices in groups
        for header in slices
    )
    return SeriesOrigin(_copy_elements(first), images, _number(first) + _SERIES_STEP)


def placeholder(patient: str = "", study: str = "", body_part: str = "", *, seed: str) -> SeriesOrigin:
    """Return the origin of an image whose file says of nobody, such as NIfTI: what the user says, or a placeholder.

    Args:
        patient: PatientID; a placeholder of the seed where it is empty.
        study: StudyInstanceUID; one that follows from patient and seed where it is empty.
        body_part: BodyPartExamined; unknown where it is empty.
        seed: text from which UIDs follow, such as a hash of the image.
    """
    elements = Dataset()
    # Images of two sources are not said to be of one patient.
    nobody = f"{PLACEHOLDER}-{files.sha256_text(seed)[:_SEED_DIGITS].upper()}"
    elements.PatientID = elements.PatientName = patient or nobody
    elements.StudyInstanceUID = study or generate_uid(entropy_srcs=["study", patient, seed])
    elements.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame", patient, study, seed])
    elements.BodyPartExamined = body_part.upper() or PLACEHOLDER
    return SeriesOrigin(elements, is_placeholder=not patient)


def _copy_elements(header: Slice) -> Dataset:
    """Return the elements that go over; text is decoded, since another character set will be written."""
    copied = Dataset()
    with quiet():
        for keyword in ELEMENTS:
            if keyword not in header.dataset:
                continue
            value = header.dataset[keyword].value
            is_text = header.dataset[keyword].VR not in ("SQ", "DS", "IS")
            setattr(copied, keyword, header.text(keyword) if is_text else deepcopy(value))
    if not copied.get("Laterality"):
        copied.pop("Laterality", None)  # scanners write it empty; of an unpaired part it may not be there
    if not copied.get("FrameOfReferenceUID"):
        copied.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame", header.text("SeriesInstanceUID")])
    return copied


def _number(header: Slice) -> int:
    """Return a SeriesNumber; 0 where it is none that leaves room for the synthetic one."""
    number = header.number("SeriesNumber")
    return int(number) if number is not None and 0 <= number < 10**6 else 0
