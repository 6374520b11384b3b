"""What a DICOM series has to be before its pixels are read: slices of one kind, with a unit where one is needed."""

from __future__ import annotations

import numpy as np

from transmodal.errors import InputError
from transmodal.volumes.formats.dicom import kinds as dicom_kinds
from transmodal.volumes.formats.dicom.headers import Slice

_CT = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1")


def refuse_no_volume(name: str, slices: list[Slice]) -> None:
    """Refuse slices that do not make one volume.

    Raises:
        InputError: E102 for multi-frame objects and Siemens mosaics, E103 for slices that differ, E104 for a series that
            holds several kinds of images, E105 for CT without its rescale.
    """
    for one in slices:
        _refuse_many_frames(one)
    _refuse_several_kinds(name, slices)
    first = slices[0]
    for one in slices:
        _refuse_no_unit(one)
        for keyword in ("PhotometricInterpretation", "FrameOfReferenceUID", "SamplesPerPixel"):
            if one.text(keyword) != first.text(keyword):
                raise _differ(name, keyword, first, one)
        for keyword, count in (
            ("Rows", 1),
            ("Columns", 1),
            ("ImageOrientationPatient", 6),
            ("PixelSpacing", 2),
        ):
            if np.abs(one.numbers(keyword, count) - first.numbers(keyword, count)).max() > 1e-4:
                raise _differ(name, keyword, first, one)


def _refuse_many_frames(one: Slice) -> None:
    if one.numbers("NumberOfFrames", default=1)[0] > 1 or "SharedFunctionalGroupsSequence" in one.dataset:
        raise InputError(
            "E102", f"{one.name} is a multi-frame object", "one file per slice", "Convert it with dcm2niix."
        )
    count = dicom_kinds.mosaic_count(one)
    if count:
        raise InputError(
            "E102",
            f"{one.name} is a Siemens mosaic: {count if count > 2 else 'many'} slices side by side in one picture",
            "one file per slice",
            "Convert it with dcm2niix.",
        )


def _refuse_several_kinds(name: str, slices: list[Slice]) -> None:
    kinds = dicom_kinds.parted([dicom_kinds.traits(one) for one in slices])
    if len(kinds) > 1:
        raise InputError(
            "E104",
            f"{name} holds {len(kinds)} kinds of images in one series: {dicom_kinds.difference(kinds)}",
            "slices of one kind",
            "Sort the files into a folder for each kind, or let transmodal prepare dicom part them.",
        )


def _refuse_no_unit(one: Slice) -> None:
    is_ct = one.text("Modality") == "CT" or one.text("SOPClassUID") in _CT
    missing = [keyword for keyword in ("RescaleSlope", "RescaleIntercept") if not one.text(keyword)]
    if is_ct and missing:
        raise InputError(
            "E105",
            f"{one.name} is of a CT without {' and '.join(missing)}",
            "the rescale that turns its numbers into HU",
            "Export the series again from where it was made.",
        )


def _differ(name: str, keyword: str, first: Slice, one: Slice) -> InputError:
    return InputError(
        "E103",
        f"{name}: {first.name} and {one.name} differ in {keyword}",
        "slices of one kind",
        "Sort the files into a folder for each image.",
    )
