"""Facts about a source image from its DICOM header, its BIDS name or the JSON file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts import release_files
from transmodal.cohorts.headers import bids_names, dicom_series
from transmodal.cohorts.quality.finding import Finding
from transmodal.errors import TransmodalError
from transmodal.modalities import modality_of
from transmodal.storage import files
from transmodal.volumes.formats.dicom import headers as dicom_files
from transmodal.volumes.formats.dicom.slice_header import Slice

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
_FAMILIES = frozenset(
    [
        "CR",
        "CT",
        "DX",
        "ECG",
        "ES",
        "GM",
        "IO",
        "MG",
        "MR",
        "NM",
        "OCT",
        "OP",
        "OPT",
        "OT",
        "PT",
        "PX",
        "RF",
        "RG",
        "RTDOSE",
        "RTIMAGE",
        "SC",
        "SEG",
        "SM",
        "US",
        "XA",
        "XC",
    ]
)
"""Values of Modality that name a way of taking images."""
_IMAGES = (".dcm", ".dicom", ".ima", "")


class SourceFacts(NamedTuple):
    """Facts about a source image; empty where nothing states them.

    Attributes:
        by: what says it, such as `its DICOM header`; never the name of a file.
        family: DICOM's Modality, such as MR or CT; `another Modality` for a text that is none.
        modality: the modality that its sequence or suffix means, such as t2.
        body_part: BodyPartExamined.
    """

    by: str = ""
    family: str = ""
    modality: str = ""
    body_part: str = ""


def read_source_facts(path: Path) -> SourceFacts:
    """Return what a source's header or name says; nothing where it cannot be read or names several series."""
    if path.is_dir() or path.suffix.lower() in _IMAGES:
        return _read_dicom(path)
    bids_name = bids_names.parse(path)
    modality = "" if bids_name is None else bids_name.modality
    family, beside = modality_of(modality).dicom, _read_sidecar(path)
    return SourceFacts("its BIDS name", family, modality, beside.body_part) if family else beside


def header_findings(own: SourceFacts, expected: str, *, is_head: bool, image_passes: bool) -> list[Finding]:
    """Return what a header says against a source.

    Another kind of scanner refuses. Another sequence refuses unless the image was judged and looks right: words
    of headers are wrong at times. A body part that is no head only warns.

    Args:
        own: what the source says.
        expected: the source modality of the run.
        is_head: whether training had heads.
        image_passes: whether the image itself was judged, and nothing spoke against it.
    """
    findings = []
    family = modality_of(expected).dicom
    if own.family and family and own.family != family:
        findings.append(Finding("header", "refuse", f"{own.by} says {own.family}; the run takes {expected}"))
    elif own.modality and modality_of(expected).is_sequence and own.modality != expected:
        related = {own.modality, expected} == {"t1", "t1ce"}
        text = f"{own.by} says {own.modality}; the run takes {expected}"
        findings.append(Finding("header", "warn" if related or image_passes else "refuse", text))
    part = own.body_part.upper()
    if is_head and part and not any(word in part for word in _HEAD_WORDS):
        findings.append(
            Finding("header", "warn", f"{own.by} says a BodyPartExamined that is no head; training had heads")
        )
    return findings


def _read_dicom(path: Path) -> SourceFacts:
    paths = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    try:
        series = dicom_series.read_archive(paths).series
        if len(series) != 1:
            return SourceFacts()
        (single,) = series
        first = next(dicom_files.read_headers(single.paths[:1]))
        modality = single.label().modality if single.kind == "MR" else ""
        part = first.text("BodyPartExamined").strip() if isinstance(first, Slice) else ""
        return SourceFacts("its DICOM header", _known_family(single.kind), modality, part)
    except (TransmodalError, OSError, StopIteration):
        return SourceFacts()


def _read_sidecar(path: Path) -> SourceFacts:
    """Return what the JSON file says that converters write beside a NIfTI file."""
    sidecar = path.with_name(f"{release_files.stem(path)}.json")
    try:
        data = files.read_json(sidecar)
    except TransmodalError:
        return SourceFacts()
    family, part = (
        data.get(key, "") if isinstance(data, dict) else "" for key in ("Modality", "BodyPartExamined")
    )
    if not isinstance(family, str) or not isinstance(part, str):
        return SourceFacts()
    return SourceFacts("the JSON file beside it", _known_family(family.strip().upper()), "", part.strip())


def _known_family(text: str) -> str:
    """Return a Modality as the standard has it; another text is not shown, as it can be of a patient."""
    return text if not text or text in _FAMILIES else "another Modality"
