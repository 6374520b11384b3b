"""What a source says of itself without being looked at: its DICOM header, its BIDS name, the JSON file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts import release_files
from transmodal.cohorts.headers import bids_names, dicom_series
from transmodal.cohorts.quality.training_sources import Finding
from transmodal.errors import TransmodalError
from transmodal.modalities import modality_of
from transmodal.storage import files
from transmodal.storage.streams import BUDGET_BYTES
from transmodal.volumes.formats.dicom import headers as dicom_files

_HEAD_WORDS = (
    "HEAD",
    "BRAIN",
    "SKULL",
    "CRAN",
    "NEURO",
    "KOPF",
    "SCHAEDEL",
    "TETE",
    "CEREBR",
    "FACE",
    "ORBIT",
    "NECK",
)
_IMAGES = (".dcm", ".dicom", ".ima", "")


class Stated(NamedTuple):
    """What a source says of itself; empty where it says nothing.

    Attributes:
        by: what says it, such as `its DICOM header`.
        family: DICOM's Modality, such as MR or CT.
        modality: the modality that its sequence or suffix means, such as t2.
        body_part: BodyPartExamined.
    """

    by: str = ""
    family: str = ""
    modality: str = ""
    body_part: str = ""


def stated(path: Path) -> Stated:
    """Return what a source's header or name says; nothing where it cannot be read or names several series."""
    if path.is_dir() or path.suffix.lower() in _IMAGES:
        return _of_dicom(path)
    named = bids_names.parsed(path)
    modality = "" if named is None else named.modality
    family, beside = modality_of(modality).dicom, _beside(path)
    return Stated("its BIDS name", family, modality, beside.body_part) if family else beside


def header_findings(own: Stated, expected: str, *, is_head: bool, image_passes: bool) -> list[Finding]:
    """Return what a header says against a source.

    Another kind of scanner refuses. Another sequence refuses unless the image was judged and looks right: words
    of headers are wrong at times. A body part that is no head only warns.

    Args:
        own: what the source says.
        expected: the source modality of the run.
        is_head: whether training had heads.
        image_passes: whether the image itself was judged, and nothing spoke against it.
    """
    found = []
    family = modality_of(expected).dicom
    if own.family and family and own.family != family:
        found.append(Finding("header", "refuse", f"{own.by} says {own.family}; the run takes {expected}"))
    elif own.modality and modality_of(expected).is_sequence and own.modality != expected:
        related = {own.modality, expected} == {"t1", "t1ce"}
        text = f"{own.by} says {own.modality}; the run takes {expected}"
        found.append(Finding("header", "warn" if related or image_passes else "refuse", text))
    part = own.body_part.upper()
    if is_head and part and not any(word in part for word in _HEAD_WORDS):
        found.append(Finding("header", "warn", f"{own.by} says body part {part}; training had heads"))
    return found


def _of_dicom(path: Path) -> Stated:
    paths = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
    try:
        series = dicom_series.archive_of(paths).series
        if len(series) != 1:
            return Stated()
        (one,) = series
        first = next(dicom_files.each(one.paths[:1], BUDGET_BYTES))
        modality = one.label().modality if one.kind == "MR" else ""
        part = first.text("BodyPartExamined").strip() if isinstance(first, dicom_files.Slice) else ""
        return Stated("its DICOM header", one.kind, modality, part)
    except (TransmodalError, OSError, StopIteration):
        return Stated()


def _beside(path: Path) -> Stated:
    """Return what the JSON file says that converters write beside a NIfTI file."""
    sidecar = path.with_name(f"{release_files.stem(path)}.json")
    try:
        data = files.read_json(sidecar)
    except TransmodalError:
        return Stated()
    family, part = (
        data.get(key, "") if isinstance(data, dict) else "" for key in ("Modality", "BodyPartExamined")
    )
    if not isinstance(family, str) or not isinstance(part, str):
        return Stated()
    return Stated(f"{sidecar.name}", family.strip().upper(), "", part.strip())
