"""The series of a tree of DICOM files: whose they are and what they show, by their headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.headers import ct_label, mr_label
from transmodal.cohorts.headers.acquisition import Acquisition
from transmodal.counts import counted
from transmodal.errors import InputError
from transmodal.volumes.formats.dicom import headers as dicom_files
from transmodal.volumes.formats.dicom import kinds as dicom_kinds
from transmodal.volumes.formats.dicom.imaging_words import mask_description, show_modality
from transmodal.volumes.formats.dicom.privacy import log_faults, mask_identity
from transmodal.volumes.formats.dicom.slice_header import Slice


@dataclass(slots=True)
class DicomSeries:
    """Facts of one series, from its headers; where a series holds several kinds of images, of one kind.

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
    acquisition: Acquisition
    scanner: str
    identity: frozenset[str]
    paths: list[Path] = field(default_factory=list)
    damage: str = ""

    def __str__(self) -> str:
        text = mask_description(mask_identity(self.text, self.identity))
        return f"series {text!r} of {show_modality(self.kind)}, {counted(len(self.paths), 'image')}"

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
        return mr_label.Label("", f"of {show_modality(self.kind)}")


class Archive(NamedTuple):
    """Contents of a tree of DICOM files.

    Attributes:
        series: by UID, and by kind where one UID has several.
        damages: files that could be slices and cannot be read.
        bystanders: DICOM without an image, such as structure sets and plans, by DICOM's Modality.
    """

    series: list[DicomSeries]
    damages: list[dicom_files.Damage]
    bystanders: dict[str, list[Path]]

    @property
    def identity(self) -> frozenset[str]:
        """Words of all patients' names and ids."""
        return frozenset().union(*(series.identity for series in self.series))


_SUMMATIONS = frozenset(
    [
        "PLAN_OVERVIEW",
        "FRACTION",
        "BEAM",
        "BRACHY",
        "FRACTION_SESSION",
        "BEAM_SESSION",
        "BRACHY_SESSION",
        "CONTROL_POINT",
        "RECORD",
    ]
)
"""Terms that DICOM defines for DoseSummationType, beside those of a whole plan."""
Kinds = dict[dicom_kinds.Traits, DicomSeries]
"""The series of one SeriesInstanceUID, which can hold several kinds of images."""


def read_archive(paths: Iterable[Path]) -> Archive:
    """Return the series of DICOM files; little is kept of each header, as there may be a hundred thousand.

    A damaged file does not stop the search: it is noted with the series that it may be a slice of.

    Raises:
        InputError: E103 for an image without a series, or of another patient than its series.
    """
    kinds: dict[tuple[str, str], Kinds] = {}
    bystanders: dict[str, list[Path]] = {}
    damages, n_faults, n_files = [], 0, 0
    for entry in dicom_files.read_headers(paths):
        if isinstance(entry, dicom_files.Damage):
            damages.append(entry)
            continue
        if isinstance(entry, dicom_files.Bystander):
            bystanders.setdefault(entry.kind, []).append(entry.path)
            continue
        n_faults, n_files = n_faults + entry.n_faults, n_files + 1
        _add_slice(entry, kinds)
    log_faults(n_faults, n_files)
    series = [part for uid in sorted(kinds) for part in _join_kinds(kinds[uid])]
    identity = frozenset().union(*(part.identity for part in series))
    damages = [damage.without_names(identity) for damage in damages]
    _note_damages(series, damages)
    return Archive(series, damages, bystanders)


def _add_slice(header: Slice, kinds: dict[tuple[str, str], Kinds]) -> None:
    """Add an image to its series; `kinds` are by SeriesInstanceUID and, of a dose, SOPInstanceUID."""
    uid = header.text("SeriesInstanceUID")
    if not uid:
        raise InputError(
            "E103", f"{header.name} without SeriesInstanceUID", "the series it is of", "Remove it."
        )
    # Every RT Dose is a grid of its own, though a plan's beams can share a series.
    dose = header.text("SOPInstanceUID") if header.text("Modality") == "RTDOSE" else ""
    by_traits, traits = kinds.setdefault((uid, dose), {}), dicom_kinds.read_traits(header)
    if any(series.patient != header.text("PatientID").strip() for series in by_traits.values()):
        raise InputError(
            "E103",
            f"{header.name} of another PatientID than the rest of its series",
            "one patient",
            "Remove it.",
        )
    if traits not in by_traits:
        by_traits[traits] = _build_series(header, uid)
    by_traits[traits].paths.append(header.path)


def _join_kinds(kinds: Kinds) -> list[DicomSeries]:
    """Join images of one kind, whose numbers are rounded differently."""
    joined = []
    for alike in dicom_kinds.group_kinds(list(kinds)):
        first = kinds[alike[0]]
        first.paths = [path for traits in alike for path in kinds[traits].paths]
        joined.append(first)
    return joined


def _note_damages(series: list[DicomSeries], damages: list[dicom_files.Damage]) -> None:
    """Note a damaged file with the series of its UID, which may be cut as well, or whose slices lie beside it.

    Names of slices can be anything, such as hashes; a file of another ending that does not begin as DICOM is passed over.
    """
    if not damages:
        return
    manners = [{_folder_and_ending(path) for path in candidate.paths} for candidate in series]
    folders = [{path.parent for path in candidate.paths} for candidate in series]
    uids = {candidate.uid for candidate in series}
    for damage in damages:
        is_dicom = dicom_files.claims_dicom(damage.path)
        for candidate, its_manners, its_folders in zip(series, manners, folders, strict=True):
            is_beside = damage.path.parent in its_folders and (
                is_dicom or _folder_and_ending(damage.path) in its_manners
            )
            may_be_its = is_beside and candidate.uid.startswith(damage.series)
            if candidate.uid == damage.series if damage.series in uids else may_be_its:
                candidate.damage = candidate.damage or damage.error.got


def _folder_and_ending(path: Path) -> tuple[Path, str]:
    """Return a file's folder and its ending; a number, as in UIDs, is none."""
    return path.parent, re.sub(r"\.\d+", "", path.suffix.lower())


def _build_series(header: Slice, uid: str) -> DicomSeries:
    return DicomSeries(
        uid=uid,
        study=header.text("StudyInstanceUID"),
        patient=header.text("PatientID").strip(),
        name=header.text("PatientName").strip(),
        date=header.text("StudyDate").strip(),
        kind=header.text("Modality"),
        text=header.text("SeriesDescription") or header.text("ProtocolName"),
        reason=_reason(header),
        synthetic=header.text("SyntheticData").upper() == "YES",
        frame=header.text("FrameOfReferenceUID"),
        dose=(header.text("DoseSummationType").upper(), header.text("DoseType").upper()),
        acquisition=_acquisition(header),
        scanner=" ".join(
            header.text(keyword) for keyword in ("Manufacturer", "ManufacturerModelName", "StationName")
        ),
        identity=header.identity,
    )


def _reason(header: Slice) -> str:
    if "LOCALIZER" in header.text("ImageType").upper():
        return "a localizer"
    if dicom_kinds.mosaic_count(header):
        return "a Siemens mosaic; convert it with dcm2niix"
    frames = header.number("NumberOfFrames") or 1
    is_many = frames > 1 and header.text("Modality") != "RTDOSE"
    return "a multi-frame object; convert it with dcm2niix" if is_many else ""


def _of_dose(summation: str, kind: str) -> mr_label.Label:
    """Return `dose` for a whole plan's physical or effective dose."""
    if summation not in ("", "PLAN", "MULTI_PLAN"):
        return mr_label.Label("", f"a dose {_show_summation(summation)}, not of the whole plan")
    return mr_label.Label("", "an error of a dose") if kind == "ERROR" else mr_label.Label("dose")


def _show_summation(summation: str) -> str:
    return f"of a {summation.lower()}" if summation in _SUMMATIONS else "of an unknown DoseSummationType"


def _acquisition(header: Slice) -> Acquisition:
    return Acquisition(
        description=header.text("SeriesDescription"),
        protocol=header.text("ProtocolName"),
        image_type=header.words("ImageType"),
        scanning_sequence=header.words("ScanningSequence"),
        variant=header.words("SequenceVariant"),
        sequence_name=header.text("SequenceName"),
        repetition_ms=header.number("RepetitionTime"),
        echo_ms=header.number("EchoTime"),
        inversion_ms=header.number("InversionTime"),
        agent=header.text("ContrastBolusAgent"),
        agent_ml=header.number("ContrastBolusVolume"),
    )
