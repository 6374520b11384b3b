"""DICOM files one by one: headers read strictly up to the pixels, and files that are damaged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from transmodal.counts import counted
from transmodal.errors import InputError
from transmodal.storage import placeholders, regular, streams
from transmodal.volumes.formats.dicom.privacy import (
    guarded,
    log_faults,
    mask_identity,
    quiet,
)
from transmodal.volumes.formats.dicom.slice_header import CIRCUMSTANCES, IDENTITY, Slice

SUFFIXES = (".dcm", ".dicom", ".ima")
"""Endings by which a file says that it is DICOM."""
_MAGIC = slice(128, 132)
"""Place of `DICM`, behind the preamble."""
_META_BYTES = 1 << 20
"""More than the elements before the data set take."""
_FOREIGN_SUFFIXES = re.compile(
    r"\.(txt|json|csv|tsv|xml|html?|pdf|md|log|ya?ml|toml|bval|bvec|nii|gz|mha|mhd|z?raw|nrrd|png|jpe?g|tiff?|bmp|gif|svg|zip|tar"
    r"|7z|rar|exe|dll|jar|inf|ini|db|md5|sha256|sha1|js|css|lnk|rtf|docx?|xlsx?|pptx?|mat|np[yz]|h5|py|sh|bat|xsl|url|ico|mp4|avi"
    r"|bak)",
    re.IGNORECASE,
)
_FOREIGN_NAMES = re.compile(
    r"(dicomdir|version|license|licence|readme|changelog|changes|citation|contents|index|autorun|thumbs|manifest"
    r"|md5sums?|sha256sums?|sha1sums?|lockfile|makefile)",
    re.IGNORECASE,
)


class Damage(NamedTuple):
    """A file that could be a slice and cannot be read as one.

    Attributes:
        path: of the file.
        error: why.
        series: SeriesInstanceUID, where so much can be read; empty otherwise.
        identity: words of its patient, as far as they can be read.
    """

    path: Path
    error: InputError
    series: str = ""
    identity: frozenset[str] = frozenset()

    def without_names(self, identity: frozenset[str]) -> Damage:
        """Return it with a message that holds none of patients' words.

        Args:
            identity: those words of other files, in small letters.
        """
        error, name = self.error, self.path.name
        message = error.got.replace(name, mask_identity(name, identity | self.identity))
        return self._replace(error=InputError(error.code, message, error.expected, error.remedy))


class Bystander(NamedTuple):
    """A DICOM file without an image: a structure set, a plan, a report.

    Attributes:
        path: of the file.
        kind: DICOM's Modality, empty where it has none.
        private_series: SeriesInstanceUID, where its class is a vendor's own; empty otherwise.
    """

    path: Path
    kind: str
    private_series: str = ""


def read_images(paths: Sequence[Path], name: str, budget: int | None = None) -> list[Slice]:
    """Read the headers of a series' files up to their pixels.

    DICOM that is no image, and files of other kinds by their names (text, tables, pictures, NIfTI, DICOMDIR), are
    passed over. Every other file that cannot be read is refused: it could be a slice, without which the volume is short.

    Args:
        paths: the files.
        name: what messages call them together.
        budget: refuse a file of more bytes.

    Raises:
        InputError: E100 without any image, E101 and E102 for a file that is damaged or not supported.
        ResourceError: E401 beyond the budget.
    """
    read = list(read_headers(paths, budget))
    slices = [header for header in read if isinstance(header, Slice)]
    damages = [damage for damage in read if isinstance(damage, Damage)]
    if damages and (slices or any(damage.path.suffix.lower() in SUFFIXES for damage in damages)):
        identity = frozenset().union(*(header.identity for header in slices))
        error = damages[0].without_names(identity).error
        beside = f", beside {counted(len(slices), 'slice')}: one may be missing" if slices else ""
        raise InputError(error.code, f"{error.got}{beside}", error.expected, error.remedy)
    if not slices:
        raise InputError(
            "E100",
            f"{name} is a folder without DICOM images",
            "an image file, or the folder that holds one DICOM series",
            "Check the path.",
        )
    series = {header.text("SeriesInstanceUID") for header in slices}
    for header in read:
        if isinstance(header, Bystander) and header.private_series in series:
            identity = frozenset().union(*(header.identity for header in slices))
            raise _end_error(mask_identity(header.path.name, identity))
    log_faults(sum(header.n_faults for header in slices), len(slices))
    return slices


def read_whole(path: Path, name: str, *, stop_before_pixels: bool = False) -> pydicom.Dataset:
    """Read a file of which no element says that it goes on behind the file's end, without room for such a one.

    Args:
        path: the file.
        name: what messages call it.
        stop_before_pixels: leave the pixels out.

    Raises:
        InputError: E101.
    """
    size = path.stat().st_size
    dataset = pydicom.dcmread(path, stop_before_pixels=stop_before_pixels, defer_size=size)
    for element in dataset.values():
        if not isinstance(element, RawDataElement) or element.length == _UNDEFINED:
            continue
        if element.value_tell + element.length > size:
            raise _end_error(name)
    return dataset


def read_headers(paths: Iterable[Path], budget: int | None = None) -> Iterator[Slice | Damage | Bystander]:
    """Read headers one by one, so that a whole archive can be looked through; damaged files come out as such.

    Raises:
        InputError: E138 for a link that leads nowhere or a pointer.
        ResourceError: as `images`.
    """
    for path in paths:
        try:
            with guarded(path.name):
                streams.check_budget(path.name, path.stat().st_size, budget)
                header = _read_header(path)
        except InputError as error:
            if error.code == "E138":
                raise
            yield Damage(path, error, *_read_whose(path))
        else:
            if header is not None:
                yield header


def claims_dicom(path: Path) -> bool:
    """Return whether a file is DICOM by its first bytes or its name; what it holds is not looked at."""
    if path.suffix.lower() in SUFFIXES:
        return True
    with streams.guarded(path.name, "file"), regular.open_file(path) as stream:
        return stream.read(_MAGIC.stop)[_MAGIC] == b"DICM"


def is_foreign(path: Path) -> bool:
    """Return whether, by its name, a file is of a kind that lies beside DICOM without being any."""
    if {suffix.lower() for suffix in path.suffixes} & set(SUFFIXES):  # 0001.dcm.gz
        return False
    return bool(_FOREIGN_SUFFIXES.fullmatch(path.suffix) or _FOREIGN_NAMES.fullmatch(path.stem))


def _read_header(path: Path) -> Slice | Bystander | None:
    """Read a file up to its pixels; None where it is of another kind by its name."""
    try:
        meta = read_file_meta_info(path)
    except InvalidDicomError as error:
        placeholders.refuse(path)
        if is_foreign(path):
            return None
        raise _not_dicom_error(path) from error
    if meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        raise InputError(
            "E102", f"{path.name} is deflated as a whole", "plain or compressed pixels", "Convert it."
        )
    with quiet() as caught:
        dataset = read_whole(path, path.name, stop_before_pixels=True)
        if "Rows" in dataset:
            for keyword in _CHECKED_ELEMENTS:
                dataset.get(keyword)
            return Slice(path, dataset, len(caught))
        kind, series = (str(dataset.get(keyword) or "") for keyword in ("Modality", "SeriesInstanceUID"))
    class_uid = UID(meta.MediaStorageSOPClassUID)
    is_private = class_uid.name == str(class_uid)
    if re.search("(Image|Dose) Storage", class_uid.name) or (
        is_private and (not series or any(keyword in dataset for keyword in _IMAGE_ELEMENTS))
    ):
        raise _end_error(path.name)
    return Bystander(path, kind, series if is_private else "")


def _end_error(name: str) -> InputError:
    return InputError("E101", f"{name} ends before its pixels", "a whole DICOM file", "Copy it again.")


_UNDEFINED = 0xFFFFFFFF
"""Length of an element that has an end of its own."""
_IMAGE_ELEMENTS = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
)
"""Elements of images alone, which come before Rows."""
_CHECKED_ELEMENTS = (
    *(
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "Modality",
        "ImageType",
    ),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", *IDENTITY),
    *("RepetitionTime", "EchoTime", "InversionTime", "FlipAngle", "RescaleSlope", "RescaleIntercept"),
)
"""Elements whose faults are counted when a header is read."""


def _not_dicom_error(path: Path) -> InputError:
    with regular.open_file(path) as stream:
        start = stream.read(132)
    fault = (
        "is empty"
        if not start
        else "holds nothing but zeros at its start"
        if not start.strip(b"\0")
        else "holds text and no DICOM"
        if re.match(rb"\s*(<!doctype|<html|<\?xml|\{)", start, re.IGNORECASE)
        else "is no DICOM file: it has no preamble"
    )
    return InputError(
        "E102", f"{path.name} {fault}", "a whole DICOM file", "Copy or export it again, or remove it."
    )


def _read_whose(path: Path) -> tuple[str, frozenset[str]]:
    """Return the SeriesInstanceUID of a damaged file and the words of its patient, if so much of it can be read."""
    if _may_be_deflated(path):
        return "", frozenset()
    keywords = ["SeriesInstanceUID", *IDENTITY, *CIRCUMSTANCES]
    with quiet():
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(keywords))
            return str(dataset.get("SeriesInstanceUID") or ""), Slice(path, dataset).identity
        except Exception:  # whatever pydicom chokes on, the file is damaged all the same
            return "", frozenset()


def _may_be_deflated(path: Path) -> bool:
    """Return whether a file's first bytes say that all behind them is deflated: pydicom would inflate it to the end."""
    with streams.guarded(path.name, "file"), regular.open_file(path) as stream:
        return DeflatedExplicitVRLittleEndian.encode() in stream.read(_META_BYTES)
