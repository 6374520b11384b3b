"""Checks of a DICOM series before its pixels are read: slices of one kind, with a unit where one is due."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from transmodal.errors import InputError
from transmodal.volumes.formats.dicom import kinds as dicom_kinds
from transmodal.volumes.formats.dicom.slice_header import Slice

_RESCALE = ("RescaleSlope", "RescaleIntercept")
_CT = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1")


def check_one_volume(name: str, slices: list[Slice]) -> None:
    """Refuse slices that do not make one volume.

    Raises:
        InputError: E102 for multi-frame objects and Siemens mosaics, E103 for slices that differ, E104 for a series that
            holds several kinds of images, E105 for CT without its rescale.
    """
    for header in slices:
        _refuse_many_frames(header)
    _refuse_several_kinds(name, slices)
    first = slices[0]
    rescaled = {keyword: header for keyword in _RESCALE for header in slices if header.text(keyword)}
    for header in slices:
        _refuse_missing_unit(header, rescaled)
        for keyword in ("PhotometricInterpretation", "FrameOfReferenceUID", "SamplesPerPixel"):
            if header.text(keyword) != first.text(keyword):
                raise _difference_error(name, keyword, first, header)
        for keyword, count in (
            ("Rows", 1),
            ("Columns", 1),
            ("ImageOrientationPatient", 6),
            ("PixelSpacing", 2),
        ):
            if np.abs(header.numbers(keyword, count) - first.numbers(keyword, count)).max() > 1e-4:
                raise _difference_error(name, keyword, first, header)


def _refuse_many_frames(header: Slice) -> None:
    if (
        header.numbers("NumberOfFrames", default=1)[0] > 1
        or "SharedFunctionalGroupsSequence" in header.dataset
    ):
        raise InputError(
            "E102",
            f"{header.name} is a multi-frame object",
            "one file per slice",
            "Convert it with dcm2niix.",
        )
    count = dicom_kinds.mosaic_count(header)
    if count:
        raise InputError(
            "E102",
            f"{header.name} is a Siemens mosaic: {count if count > 2 else 'many'} slices side by side in one picture",
            "one file per slice",
            "Convert it with dcm2niix.",
        )


def _refuse_several_kinds(name: str, slices: list[Slice]) -> None:
    kinds = dicom_kinds.group_kinds([dicom_kinds.read_traits(header) for header in slices])
    if len(kinds) > 1:
        raise InputError(
            "E104",
            f"{name} holds {len(kinds)} kinds of images in one series: {dicom_kinds.describe_difference(kinds)}",
            "slices of one kind",
            "Sort the files into a folder for each kind, or let transmodal prepare dicom part them.",
        )


def _refuse_missing_unit(header: Slice, rescaled: Mapping[str, Slice]) -> None:
    """Refuse a slice without its rescale, in CT or where another slice, as `rescaled` names it, has one."""
    is_ct = header.text("Modality") == "CT" or header.text("SOPClassUID") in _CT
    missing = [keyword for keyword in (_RESCALE if is_ct else rescaled) if not header.text(keyword)]
    if missing:
        place = "is of a CT" if is_ct else f"is, unlike {rescaled[missing[0]].name},"
        raise InputError(
            "E105",
            f"{header.name} {place} without {' and '.join(missing)}",
            "the rescale that turns its numbers into HU"
            if is_ct
            else "the rescale on every slice or on none",
            "Export the series again from where it was made.",
        )


def _difference_error(name: str, keyword: str, first: Slice, second: Slice) -> InputError:
    return InputError(
        "E103",
        f"{name}: {first.name} and {second.name} differ in {keyword}",
        "slices of one kind",
        "Sort the files into a folder for each image.",
    )
