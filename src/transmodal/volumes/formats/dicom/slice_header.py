"""The header of one DICOM slice: its elements as text and numbers, and the words that could name its patient."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.volumes.formats.dicom.imaging_words import WORDS
from transmodal.volumes.formats.dicom.privacy import (
    identifying_words,
    mask_identity,
    quiet,
)

_PLACE = {"ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"}
IDENTITY = ("PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName")
"""Elements of a patient's names and ids."""
CIRCUMSTANCES = (
    *("AccessionNumber", "StudyID", "PatientBirthDate", "StudyDate", "StationName", "PatientMotherBirthName"),
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "PhysiciansOfRecord"),
    *("InstitutionName", "InstitutionalDepartmentName", "RequestingPhysician", "PatientAddress"),
    *("StudyDescription", "SeriesDescription", "ProtocolName", "PatientComments", "ImageComments"),
)
"""Elements by which a patient can be found as well; their words are masked where imaging has no such word."""

_ID = re.compile(r"^(?=.*\d)\S{5,}$")
"""Names and ids that stand as one word with a digit in it."""


class Slice(NamedTuple):
    """One file's header, up to its pixels.

    Attributes:
        path: of the file.
        dataset: its elements.
        n_faults: how many elements are not as DICOM has them, by pydicom.
    """

    path: Path
    dataset: pydicom.Dataset
    n_faults: int = 0

    @property
    def name(self) -> str:
        """Base name of the file, without what in it is of the patient's name or id."""
        return mask_identity(self.path.name, self.identity)

    @property
    def identity(self) -> frozenset[str]:
        """Words of the patient's names and ids and of where and by whom it was seen, in small letters."""
        return _read_identity(self)

    def text(self, keyword: str) -> str:
        """Return an element's value as text, "" where there is none."""
        value = self._value(keyword)
        return "" if value is None else str(value)

    def words(self, keyword: str) -> tuple[str, ...]:
        """Return an element's values as text, none where there is none."""
        value = self._value(keyword)
        if value is None or value == "":
            return ()
        listed = [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
        return tuple(str(word) for word in listed)

    def number(self, keyword: str) -> float | None:
        """Return an element's only number, None where there is none or it is no finite number."""
        try:
            number = float(self._value(keyword))  # type: ignore[arg-type]  # what is no number is caught
        except (TypeError, ValueError):
            return None
        return number if np.isfinite(number) else None

    def numbers(self, keyword: str, count: int = 1, default: float | None = None) -> NDArray[np.float64]:
        """Return an element's numbers; E103 where they are not `count` finite ones."""
        value = self._value(keyword)
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
            # The value is not quoted: whatever stands there can be of the patient.
            raise InputError(
                "E103",
                f"{self.name} has a {keyword} that makes no sense",
                "a finite number" if count == 1 else f"{count} finite numbers",
                "Export it again.",
            )
        return numbers

    def element(self, tag: tuple[int, int]) -> object:
        """Return the value of a private element, None where there is none."""
        with quiet():
            try:
                return self.dataset[tag].value if tag in self.dataset else None
            except (ValueError, TypeError, OverflowError, NotImplementedError):
                return None

    def _value(self, keyword: str) -> object:
        with quiet():  # pydicom converts an element when it is asked for, and warns then
            try:
                return self.dataset.get(keyword)
            except (ValueError, TypeError, OverflowError, NotImplementedError):
                return None


def _read_identity(header: Slice) -> frozenset[str]:
    names = (identifying_words(header.text(keyword)) for keyword in IDENTITY)
    # A file is named by the whole of an id rather than by the words in it.
    ids = {text for keyword in IDENTITY if _ID.search(text := header.text(keyword).strip().lower())}
    circumstances = (identifying_words(header.text(keyword)) for keyword in CIRCUMSTANCES)
    return frozenset().union(ids, *names, *(words - WORDS for words in circumstances))
