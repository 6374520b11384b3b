"""A label map as one DICOM Segmentation: a binary segment per label, on the slices of the series that it was drawn on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from transmodal._version import __version__
from transmodal.errors import InputError, IntegrityError
from transmodal.notice import INTENDED_USE
from transmodal.storage import files
from transmodal.volumes.formats.dicom.export.marking import content_moment
from transmodal.volumes.formats.dicom.export.parametric_map import check_installed
from transmodal.volumes.formats.dicom.privacy import quiet
from transmodal.volumes.formats.dicom.slice_header import Slice
from transmodal.volumes.formats.dicom.writing import SYNTHETIC

_SERIES_STEP = 2000
"""SeriesNumber of a segmentation is its source's and so many more: beside that of a synthetic series."""
_MOST_NUMBER = 10**6
_LONG_STRING = 64
_CATEGORY = ("91723000", "SCT", "Anatomical Structure")
_OWN_SCHEME = "99TRANSMODAL"
_TOOL = "transmodal"


class Segment(NamedTuple):
    """A label by its name.

    Attributes:
        name: shown by viewers.
        code: of SNOMED CT, such as `12738006`; a code of our own from the label where it is empty.
        meaning: of the code; the name where it is empty.
    """

    name: str
    code: str = ""
    meaning: str = ""


def write_segmentation(
    labels: NDArray[np.integer[Any]],
    path: Path,
    slices: Sequence[Slice],
    segments: Mapping[int, Segment],
    algorithm: str = "",
) -> None:
    """Write labels as one object of the patient, study and frame of reference of the series, and read it back.

    Written a second time from the same it is the same object, by its UIDs.

    Args:
        labels: `(I, J, K)`, whole numbers; 0 is no segment. I runs along rows, J along columns, K from slice to slice.
        path: file to write, which appears whole or not at all.
        slices: headers of the series, in the order of K.
        segments: names by label; labels without one are called by their number.
        algorithm: program that made the labels; empty where a person drew them.

    Raises:
        InputError: E103 for labels that are all 0, and for a series that does not say of which study it is.
        IntegrityError: E503 when it does not read back equal.
        ResourceError: E404 where highdicom is not installed, E403 where the file cannot be written.
    """
    check_installed()
    present = [int(label) for label in np.unique(labels) if label]
    if not present:
        raise InputError(
            "E103", "a label map without a label", "voxels above 0", "Check that it is the right file."
        )
    if not slices[0].text("StudyInstanceUID"):
        raise InputError(
            "E103",
            f"{slices[0].name} has no StudyInstanceUID",
            "a series that says of which study it is",
            "Export it again.",
        )
    frames = np.searchsorted([0, *present], labels).astype(np.uint16).transpose(2, 1, 0)
    with quiet():  # highdicom quotes a patient's name that has one part
        dataset = _build(
            frames,
            slices,
            [_describe(n, label, segments, algorithm) for n, label in enumerate(present, start=1)],
        )
        _set_identity(dataset, slices[0])
        with files.atomic_path(path) as part:
            dataset.save_as(part, enforce_file_format=True)
            if not np.array_equal(_read_frames(part, slices), frames):
                raise IntegrityError(
                    "E503",
                    f"{path.name} does not read back equal",
                    "what was written",
                    "Check the disk, then try again.",
                )


def _describe(number: int, label: int, segments: Mapping[int, Segment], algorithm: str) -> Any:  # noqa: ANN401 - a class of a library that may be absent
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from highdicom.sr.coding import CodedConcept

    segment = segments.get(label, Segment(f"label {label}"))
    name = segment.name[:_LONG_STRING]
    code, scheme = (segment.code, "SCT") if segment.code else (f"LABEL-{label}", _OWN_SCHEME)
    program = None
    if algorithm:
        family = CodedConcept("123110", "DCM", "Artificial Intelligence")
        program = AlgorithmIdentificationSequence(algorithm[:_LONG_STRING], family, "unknown")
    return SegmentDescription(
        number,
        name,
        CodedConcept(*_CATEGORY),
        CodedConcept(code, scheme, (segment.meaning or name)[:_LONG_STRING]),
        "AUTOMATIC" if algorithm else "MANUAL",
        program,
    )


def _build(frames: NDArray[np.uint16], slices: Sequence[Slice], descriptions: Sequence[Any]) -> Dataset:
    from highdicom.seg import Segmentation

    first = slices[0]
    seed = [files.sha256_array(frames), *map(str, descriptions), *(s.text("SOPInstanceUID") for s in slices)]
    series, number = generate_uid(entropy_srcs=["segmentation", *seed]), first.number("SeriesNumber")
    is_synthetic = first.text("SyntheticData") == "YES"
    kind = f"{SYNTHETIC} {first.text('Modality')}" if is_synthetic else first.text("Modality")
    dataset: Dataset = Segmentation(
        [header.dataset for header in slices],
        frames,
        "BINARY",
        descriptions,
        series_instance_uid=series,
        series_number=_SERIES_STEP
        + (int(number) if number is not None and 0 <= number < _MOST_NUMBER else 0),
        sop_instance_uid=generate_uid(entropy_srcs=[series, "object"]),
        instance_number=1,
        manufacturer=_TOOL,
        manufacturer_model_name=_TOOL,
        software_versions=__version__,
        device_serial_number="none",
        content_label="SEGMENTATION",
        content_description="Research use only",
        series_description=f"Segmentation of {kind}"[:_LONG_STRING],
    )
    if is_synthetic:
        dataset.SyntheticData = "YES"
    return dataset


def _set_identity(dataset: Dataset, first: Slice) -> None:
    """Make UIDs and dates follow from the source, and say what the object is not for."""
    organization = generate_uid(entropy_srcs=[str(dataset.SeriesInstanceUID), "dimensions"])
    for place in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        place.DimensionOrganizationUID = organization
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.ContentDate, dataset.ContentTime = content_moment(
        first.text("StudyDate"), first.text("StudyTime")
    )
    for item in dataset.get("ContributingEquipmentSequence", []):
        item.ContributionDateTime = f"{dataset.ContentDate}{dataset.ContentTime}"
    dataset.ImageComments = INTENDED_USE


def _read_frames(path: Path, slices: Sequence[Slice]) -> NDArray[Any]:
    """Return the labels of a file, numbered as its segments, slice by slice."""
    from highdicom.seg import segread

    instances = [header.text("SOPInstanceUID") for header in slices]
    frames: NDArray[Any] = segread(path).get_pixels_by_source_instance(
        instances, combine_segments=True, assert_missing_frames_are_empty=True
    )
    return frames
