"""The series of a tree of DICOM files: whose they are and what they show, by their headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from transmodal.errors import InputError
from transmodal.volumes import dicom_files
from transmodal.volumes.streams import BUDGET_BYTES

_MR = (
    ("flair", r"flair|dark.?fluid|tirm"),
    ("", r"t2\s*\*|t2.?star|\bswi\b|\bdwi\b|\badc\b|trace|perf|bold|tof|phase"),
    ("pd", r"\bpd|proton"),
    ("t2", r"t2"),
    ("t1", r"t1|mp2?rage|bravo|f?spgr|\btfl"),
)
_CONTRAST = re.compile(r"\bgd\b|gado|post|\+\s*c\b|\bce\b|\bkm\b|contrast|t1c\b|t1ce", re.IGNORECASE)


@dataclass(slots=True)
class Series:
    """What one series' headers say.

    Attributes:
        uid: SeriesInstanceUID.
        study: StudyInstanceUID.
        patient: PatientID.
        kind: DICOM's Modality.
        text: description and protocol.
        reason: why it is no image of a patient's anatomy; empty where it is one.
        synthetic: whether it says that it is.
        contrast: whether a contrast agent was given.
        paths: its files.
    """

    uid: str
    study: str
    patient: str
    kind: str
    text: str
    reason: str
    synthetic: bool
    contrast: bool
    paths: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        return f"series {self.text!r} of {self.kind or 'no modality'}, {len(self.paths)} images"

    def by_header(self) -> str:
        """Return the modality that the header tells, empty where it is not clear."""
        if self.kind != "MR":
            return {"CT": "ct", "PT": "pet"}.get(self.kind, "")
        what = next((name for name, pattern in _MR if re.search(pattern, self.text.lower())), "")
        return "t1ce" if what == "t1" and (self.contrast or _CONTRAST.search(self.text)) else what


def series_in(paths: Iterable[Path]) -> list[Series]:
    """Return the series of DICOM files by UID; little is kept of each header, as there may be a hundred thousand.

    Raises:
        InputError: E101 and E102 for damaged files, E103 for an image without a series, or of another patient
            than its series.
    """
    found: dict[str, Series] = {}
    for one in dicom_files.each(paths, BUDGET_BYTES):
        uid = one.text("SeriesInstanceUID")
        if not uid:
            raise InputError(
                "E103", f"{one.name} without SeriesInstanceUID", "the series it is of", "Remove it."
            )
        if uid not in found:
            found[uid] = _of_header(one, uid)
        elif found[uid].patient != one.text("PatientID").strip():
            raise InputError(
                "E103",
                f"{one.name} of another PatientID than the rest of its series",
                "one patient",
                "Remove it.",
            )
        found[uid].paths.append(one.path)
    return sorted(found.values(), key=lambda one: one.uid)


def _of_header(one: dicom_files.Slice, uid: str) -> Series:
    return Series(
        uid=uid,
        study=one.text("StudyInstanceUID"),
        patient=one.text("PatientID").strip(),
        kind=one.text("Modality"),
        text=one.text("SeriesDescription") or one.text("ProtocolName"),
        reason="a localizer" if "LOCALIZER" in one.text("ImageType").upper() else "",
        synthetic=one.text("SyntheticData").upper() == "YES",
        contrast=bool(one.text("ContrastBolusAgent")),
    )
