"""The series of a tree of DICOM files: whose they are and what they show, by their headers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from transmodal.cohorts import mr_label
from transmodal.errors import InputError
from transmodal.volumes import dicom_files
from transmodal.volumes.streams import BUDGET_BYTES


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
        acquisition: how it was made, where it is of MR.
        paths: its files.
    """

    uid: str
    study: str
    patient: str
    kind: str
    text: str
    reason: str
    synthetic: bool
    acquisition: mr_label.Acquisition
    paths: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        return f"series {self.text!r} of {self.kind or 'no modality'}, {len(self.paths)} images"

    def label(self) -> mr_label.Label:
        """Return the modality that the header tells, or none and why."""
        if self.kind == "MR":
            return mr_label.label(self.acquisition)
        modality = {"CT": "ct", "PT": "pet"}.get(self.kind, "")
        return mr_label.Label(modality, "" if modality else f"images of {self.kind or 'no modality'}")


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
        acquisition=_acquisition(one),
    )


def _acquisition(one: dicom_files.Slice) -> mr_label.Acquisition:
    return mr_label.Acquisition(
        description=one.text("SeriesDescription"),
        protocol=one.text("ProtocolName"),
        image_type=one.words("ImageType"),
        scanning_sequence=one.words("ScanningSequence"),
        variant=one.words("SequenceVariant"),
        sequence_name=one.text("SequenceName"),
        repetition_ms=one.number("RepetitionTime"),
        echo_ms=one.number("EchoTime"),
        inversion_ms=one.number("InversionTime"),
        agent=one.text("ContrastBolusAgent"),
        agent_ml=one.number("ContrastBolusVolume"),
    )
