"""The series of a tree of DICOM files: whose they are and what they show, by their headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.headers import ct_label, mr_label
from transmodal.errors import InputError
from transmodal.storage.streams import BUDGET_BYTES
from transmodal.volumes.formats.dicom import headers as dicom_files
from transmodal.volumes.formats.dicom import kinds as dicom_kinds
from transmodal.volumes.formats.dicom.privacy import masked, say_faults


@dataclass(slots=True)
class Series:
    """What one series' headers say; where a series holds several kinds of images, of one kind.

    Attributes:
        uid: SeriesInstanceUID.
        study: StudyInstanceUID.
        patient: PatientID.
        name: PatientName.
        date: StudyDate.
        kind: DICOM's Modality.
        text: description and protocol.
        reason: why it is no image of a patient's anatomy; empty where it is one.
        synthetic: whether it says that it is.
        frame: FrameOfReferenceUID.
        dose: of an RT Dose: DoseSummationType and DoseType.
        acquisition: how it was made.
        scanner: maker, model and station.
        identity: words of the patient's names and ids.
        paths: its files.
        damage: a damaged file that may be one of its slices; empty where there is none.
    """

    uid: str
    study: str
    patient: str
    name: str
    date: str
    kind: str
    text: str
    reason: str
    synthetic: bool
    frame: str
    dose: tuple[str, str]
    acquisition: mr_label.Acquisition
    scanner: str
    identity: frozenset[str]
    paths: list[Path] = field(default_factory=list)
    damage: str = ""

    def __str__(self) -> str:
        text = masked(self.text, self.identity)
        return f"series {text!r} of {self.kind or 'no modality'}, {len(self.paths)} images"

    def label(self) -> mr_label.Label:
        """Return the modality that the header tells, or none and why."""
        if self.kind == "MR":
            return mr_label.label(self.acquisition)
        if self.kind == "CT":
            how = self.acquisition
            return ct_label.label(how.description, how.protocol, how.image_type, self.scanner)
        if self.kind == "RTDOSE":
            return _of_dose(*self.dose)
        if self.kind == "PT":
            return mr_label.Label("pet")
        return mr_label.Label("", f"of {self.kind or 'no modality'}")


class Archive(NamedTuple):
    """What a tree of DICOM files holds.

    Attributes:
        series: by UID, and by kind where one UID has several.
        damages: files that could be slices and cannot be read.
        bystanders: DICOM without an image, such as structure sets and plans, by DICOM's Modality.
    """

    series: list[Series]
    damages: list[dicom_files.Damage]
    bystanders: dict[str, list[Path]]

    @property
    def identity(self) -> frozenset[str]:
        """Words of all patients' names and ids."""
        return frozenset().union(*(one.identity for one in self.series))


def archive_of(paths: Iterable[Path]) -> Archive:
    """Return the series of DICOM files; little is kept of each header, as there may be a hundred thousand.

    A damaged file does not stop the search: it is noted with the series that it may be a slice of.

    Raises:
        InputError: E103 for an image without a series, or of another patient than its series.
    """
    kinds: dict[tuple[str, str], dict[dicom_kinds.Traits, Series]] = {}
    bystanders: dict[str, list[Path]] = {}
    damages, n_faults, n_files = [], 0, 0
    for one in dicom_files.each(paths, BUDGET_BYTES):
        if isinstance(one, dicom_files.Damage):
            damages.append(one)
            continue
        if isinstance(one, dicom_files.Bystander):
            bystanders.setdefault(one.kind, []).append(one.path)
            continue
        n_faults, n_files = n_faults + one.n_faults, n_files + 1
        uid = one.text("SeriesInstanceUID")
        if not uid:
            raise InputError(
                "E103", f"{one.name} without SeriesInstanceUID", "the series it is of", "Remove it."
            )
        # Every RT Dose is a grid of its own, though a plan's beams can share a series.
        alone = one.text("SOPInstanceUID") if one.text("Modality") == "RTDOSE" else ""
        mine, traits = kinds.setdefault((uid, alone), {}), dicom_kinds.traits(one)
        if any(series.patient != one.text("PatientID").strip() for series in mine.values()):
            raise InputError(
                "E103",
                f"{one.name} of another PatientID than the rest of its series",
                "one patient",
                "Remove it.",
            )
        if traits not in mine:
            mine[traits] = _of_header(one, uid)
        mine[traits].paths.append(one.path)
    say_faults(n_faults, n_files)
    series = [one for uid in sorted(kinds) for one in _of_kinds(kinds[uid])]
    identity = frozenset().union(*(one.identity for one in series))
    damages = [damage.without_names(identity) for damage in damages]
    _note_damages(series, damages)
    return Archive(series, damages, bystanders)


def _of_kinds(mine: dict[dicom_kinds.Traits, Series]) -> list[Series]:
    """Join images of one kind, whose numbers are rounded differently."""
    joined = []
    for alike in dicom_kinds.parted(list(mine)):
        first = mine[alike[0]]
        first.paths = [path for traits in alike for path in mine[traits].paths]
        joined.append(first)
    return joined


def _note_damages(series: list[Series], damages: list[dicom_files.Damage]) -> None:
    """Note a damaged file with the series whose UID it has, or whose slices lie beside it under names of its manner."""
    if not damages:
        return
    manners = [{_manner(path) for path in one.paths} for one in series]
    folders = [{path.parent for path in one.paths} for one in series]
    for damage in damages:
        path = damage.path
        says_dicom = path.suffix.lower() in dicom_files.SUFFIXES
        for one, its_manners, its_folders in zip(series, manners, folders, strict=True):
            beside = path.parent in its_folders and (says_dicom or _manner(path) in its_manners)
            if one.uid == damage.series if damage.series else beside:
                one.damage = one.damage or damage.error.got


def _manner(path: Path) -> tuple[Path, str]:
    """Return a file's folder and its name with every number as one sign."""
    return path.parent, re.sub(r"\d+", "#", path.name.lower())


def _of_header(one: dicom_files.Slice, uid: str) -> Series:
    return Series(
        uid=uid,
        study=one.text("StudyInstanceUID"),
        patient=one.text("PatientID").strip(),
        name=one.text("PatientName").strip(),
        date=one.text("StudyDate").strip(),
        kind=one.text("Modality"),
        text=one.text("SeriesDescription") or one.text("ProtocolName"),
        reason=_reason(one),
        synthetic=one.text("SyntheticData").upper() == "YES",
        frame=one.text("FrameOfReferenceUID"),
        dose=(one.text("DoseSummationType").upper(), one.text("DoseType").upper()),
        acquisition=_acquisition(one),
        scanner=" ".join(
            one.text(keyword) for keyword in ("Manufacturer", "ManufacturerModelName", "StationName")
        ),
        identity=one.identity,
    )


def _reason(one: dicom_files.Slice) -> str:
    if "LOCALIZER" in one.text("ImageType").upper():
        return "a localizer"
    if dicom_kinds.mosaic_count(one):
        return "a Siemens mosaic; convert it with dcm2niix"
    frames = one.number("NumberOfFrames") or 1
    is_many = frames > 1 and one.text("Modality") != "RTDOSE"
    return "a multi-frame object; convert it with dcm2niix" if is_many else ""


def _of_dose(summation: str, kind: str) -> mr_label.Label:
    """Return `dose` for a whole plan's physical or effective dose."""
    if summation not in ("", "PLAN", "MULTI_PLAN"):
        return mr_label.Label("", f"a dose of a {summation.lower()}, not of the whole plan")
    return mr_label.Label("", "an error of a dose") if kind == "ERROR" else mr_label.Label("dose")


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
