"""DICOM files one by one: what their headers say, read strictly up to the pixels."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from transmodal.errors import InputError
from transmodal.volumes import placeholders, streams

_SUFFIXES = (".dcm", ".dicom", ".ima")
_MAGIC = slice(128, 132)
"""Where `DICM` stands, behind the preamble."""
_PLACE = {"ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"}


class Slice(NamedTuple):
    """One file's header, up to its pixels."""

    path: Path
    dataset: pydicom.Dataset

    @property
    def name(self) -> str:
        """Base name of the file."""
        return self.path.name

    def text(self, keyword: str) -> str:
        """Return an element's value as text, "" where there is none."""
        value = self.dataset.get(keyword)
        return "" if value is None else str(value)

    def words(self, keyword: str) -> tuple[str, ...]:
        """Return an element's values as text, none where there is none."""
        value = self.dataset.get(keyword)
        if value is None or value == "":
            return ()
        listed = [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
        return tuple(str(word) for word in listed)

    def number(self, keyword: str) -> float | None:
        """Return an element's only number, None where there is none or it is no finite number."""
        try:
            number = float(self.dataset.get(keyword))
        except (TypeError, ValueError):
            return None
        return number if np.isfinite(number) else None

    def numbers(self, keyword: str, count: int = 1, default: float | None = None) -> NDArray[np.float64]:
        """Return an element's numbers; E103 where they are not `count` finite ones."""
        value = self.dataset.get(keyword)
        if value is None or value == "":
            if default is not None:
                return np.full(count, default)
            raise InputError(
                "E111" if keyword in _PLACE else "E103",
                f"{self.name} has no {keyword}",
                "a slice that says what it is and where it lies",
                "Export it again.",
            )
        try:
            numbers = np.atleast_1d(np.array(value, dtype=float))
        except (TypeError, ValueError):
            numbers = np.empty(0)
        if numbers.size != count or not np.isfinite(numbers).all():
            raise InputError(
                "E103", f"{self.name} has {keyword} {value}", f"{count} numbers", "Export it again."
            )
        return numbers


def images(paths: Sequence[Path], name: str, budget: int) -> list[Slice]:
    """Read the headers of files up to their pixels; files that are no DICOM images are passed over.

    Args:
        paths: the files.
        name: what messages call them together.
        budget: refuse a file of more bytes.

    Raises:
        InputError: E100 without any image, E101 and E102 for a file that is damaged or not supported.
        ResourceError: E401 beyond the budget.
    """
    found = list(each(paths, budget))
    if not found:
        raise InputError(
            "E100",
            f"{name} is a folder without DICOM images",
            "an image file, or the folder that holds one DICOM series",
            "Check the path.",
        )
    return found


def each(paths: Iterable[Path], budget: int) -> Iterator[Slice]:
    """Read headers one by one, so that a whole archive can be looked through.

    Raises:
        InputError: E101 and E102 as `images`.
        ResourceError: as `images`.
    """
    for path in paths:
        with streams.guarded(path.name, "DICOM file"), quiet():
            streams.budgeted(path.name, path.stat().st_size, budget)
            one = _header(path)
        if one is not None:
            yield one


def claims_dicom(path: Path) -> bool:
    """Tell whether a file is DICOM by its first bytes or its name; what it holds is not looked at."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    with streams.guarded(path.name, "file"), path.open("rb") as stream:
        return stream.read(_MAGIC.stop)[_MAGIC] == b"DICM"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings off the screen: they quote the patient, and what matters is checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _header(path: Path) -> Slice | None:
    """Read a file up to its pixels; None where it is no DICOM image and does not claim to be one."""
    try:
        meta = read_file_meta_info(path)
    except InvalidDicomError as error:
        placeholders.refuse(path)
        if path.suffix.lower() in _SUFFIXES:
            raise InputError(
                "E102", f"{path.name} is no DICOM file", "what its name says", "Copy it again, or remove it."
            ) from error
        return None
    if meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        raise InputError(
            "E102", f"{path.name} is deflated as a whole", "plain or compressed pixels", "Convert it."
        )
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    if "Rows" in dataset:
        return Slice(path, dataset)
    if "Image Storage" in UID(meta.MediaStorageSOPClassUID).name:
        raise InputError(
            "E101", f"{path.name} ends before its pixels", "a whole DICOM file", "Copy it again."
        )
    return None
