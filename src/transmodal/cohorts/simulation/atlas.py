"""The atlas cohort: virtual subjects, deterministic by seed, from the four embedded volumes.

T1 and FA are real group averages, warped for every subject; T2, PD, FLAIR, CT and colour are simulated from
their tissue maps, and so is the head around the brain. Results on this cohort say that the software works;
they say nothing about what a model is worth in a clinic.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.case import Case
from transmodal.cohorts.simulation import render
from transmodal.cohorts.simulation.contrasts import LABELS
from transmodal.cohorts.simulation.subject import (
    AnatomyOnGrid,
    VirtualSubject,
    describe_subject,
    draw_subject,
)
from transmodal.errors import UsageError
from transmodal.parallel import spread
from transmodal.storage import files, outputs
from transmodal.volumes import Volume, io
from transmodal.volumes.regions.components import fill_holes, largest_component

MODALITIES = ("t1", "fa", "t2", "pd", "flair", "ct", "colour")
SIMULATED = frozenset({"t2", "pd", "flair", "ct", "colour"})
"""No scanner measured these; T1 and FA are real volumes, warped."""
VERSION = 1
"""Counts changes of the simulator: a prepared cohort of another version is made anew."""

REAL = "real anatomy (warped)"
NOTICE = (
    "Virtual subjects made from embedded group averages. T1 (inside the brain) and FA are real averages of many\n"
    "people, warped for every subject; T2, PD, FLAIR, CT, colour and the head around the brain are simulated.\n"
    "All subjects share one anatomy and its texture. Figures reached on them say that software works; they say\n"
    "nothing about a model's clinical worth. Not a medical device.\n\n"
    "case.json holds what is known of each subject: warp, affine, shifts, lesions, scanner, regional draws.\n"
    f"Labels of segmentation.nii.gz: {', '.join(f'{n} {name}' for name, n in LABELS.items())}.\n"
    "Licences of the embedded volumes: DATA_LICENSES.md of transmodal.\n"
)


@dataclass(frozen=True, slots=True)
class AtlasOptions:
    """Settings of virtual subjects.

    Attributes:
        spacing_mm: around which every subject's spacing varies, 0.5 to 10.
        modalities: what to make, of `MODALITIES`; the others cost nothing.
        shift_mm: length of a known shift of every modality against T1, in a random direction, 0 to 20.
        lesions: whether each subject has lesions of white matter on one side.
        head: which subjects keep the head around the brain in T1: `half` of them (odd index), all or none.
        segmentation: whether to make the label map.
        mask: where figures are taken: in the brain, or in the whole head, as for CT.

    Raises:
        UsageError: E001 for another value.
    """

    spacing_mm: float = 2.0
    modalities: tuple[str, ...] = MODALITIES
    shift_mm: float = 0.0
    lesions: bool = True
    head: Literal["half", "always", "never"] = "half"
    segmentation: bool = True
    mask: Literal["brain", "head"] = "brain"

    def __post_init__(self) -> None:
        _check(0.5 <= self.spacing_mm <= 10, f"spacing_mm {self.spacing_mm}", "0.5 to 10")
        _check(0 <= self.shift_mm <= 20, f"shift_mm {self.shift_mm}", "0 to 20")
        _check(self.head in ("half", "always", "never"), f"head {self.head!r}", "half, always or never")
        _check(self.mask in ("brain", "head"), f"mask {self.mask!r}", "brain or head")
        are_known = bool(self.modalities) and set(self.modalities) <= set(MODALITIES)
        once = len(set(self.modalities)) == len(self.modalities)
        _check(
            are_known and once, f"modalities {', '.join(self.modalities) or '(none)'}", ", ".join(MODALITIES)
        )


@dataclass(frozen=True, slots=True)
class AtlasSubject:
    """One virtual subject, made anew whenever it is loaded; a `CaseMaker`.

    Attributes:
        index: number of the subject; even ones have a stripped T1 where `options.head` is `half`.
        options: what to make.
        seed: of the cohort.
    """

    index: int
    options: AtlasOptions
    seed: int = 2024

    @property
    def id(self) -> str:
        """Name of the case, such as `atlas-0007`."""
        return f"atlas-{self.index:04d}"

    @property
    def patient(self) -> str:
        """Every virtual subject is a patient of its own."""
        return self.id

    @property
    def stripped(self) -> bool:
        """Whether T1 shows nothing but the brain."""
        return self.options.head == "never" or (self.options.head == "half" and self.index % 2 == 0)

    def fingerprint(self) -> str:
        """Return a hash of everything that the subject is made from."""
        parts = {"version": VERSION, "seed": self.seed, "index": self.index, "options": asdict(self.options)}
        return files.sha256_text(json.dumps(parts, sort_keys=True))

    def load(self) -> Case:
        """Make the subject's volumes, mask and segmentation, all on one grid."""
        return _build_case(self, _draw(self))

    def record(self) -> dict[str, Any]:
        """Return what is known of the subject, ready for JSON: what was drawn, and what is real."""
        return _build_record(self, _draw(self))


def subjects(n: int, options: AtlasOptions | None = None, seed: int = 2024) -> list[AtlasSubject]:
    """Return the first `n` virtual subjects of a seed; nothing is made before they are loaded.

    Raises:
        UsageError: E001 when `n` is below 1.
    """
    _check(n >= 1, f"{n} subjects", "1 or more")
    return [AtlasSubject(index, options or AtlasOptions(), seed) for index in range(n)]


def write(
    cohort: Sequence[AtlasSubject],
    folder: Path,
    progress: Callable[[str, int, int], None] | None = None,
    workers: int = 1,
) -> None:
    """Write subjects as `<folder>/<id>/<modality>.nii.gz` with mask, segmentation and `case.json`.

    A subject's folder appears when it is whole; one that stands already with the same fingerprint stays.

    Args:
        cohort: the subjects.
        folder: where to; made if it is not there.
        progress: called with a subject's id, how many are done, and how many there are.
        workers: processes.

    Raises:
        UsageError: E005 when the place is not usable.
        ResourceError: E402 or E405 naming the subject whose process died, E403 when the disk is full or may not be
            written.
    """
    folder = _make_folder(Path(folder))
    report = progress or (lambda _id, _n_done, _total: None)
    items = {subject.id: subject for subject in cohort}
    for n_done, (name, _) in enumerate(spread(partial(_write_one, folder=folder), items, workers), 1):
        report(name, n_done, len(cohort))
    with files.atomic_path(folder / "README.txt") as beside:
        beside.write_text(NOTICE)


def _draw(subject: AtlasSubject) -> VirtualSubject:
    options = subject.options
    return draw_subject(
        subject.seed, subject.index, options.spacing_mm, options.shift_mm, lesions=options.lesions
    )


def _build_case(subject: AtlasSubject, draws: VirtualSubject) -> Case:
    fixed = AnatomyOnGrid(draws, np.zeros(3))
    options, affine = subject.options, draws.grid.affine
    return Case(
        subject.id,
        subject.patient,
        {name: Volume(_voxels(subject, name, draws, fixed), affine) for name in options.modalities},
        Volume((fixed.mask if options.mask == "brain" else _head(fixed)).astype(np.uint8), affine),
        Volume(render.segmentation(fixed), affine) if options.segmentation else None,
        SIMULATED & set(options.modalities),
    )


def _head(fixed: AnatomyOnGrid) -> NDArray[np.bool_]:
    """Return brain, skull, scalp and what they enclose."""
    return fill_holes(largest_component(render.segmentation(fixed) > 0))


def _voxels(
    subject: AtlasSubject, modality: str, draws: VirtualSubject, fixed: AnatomyOnGrid
) -> NDArray[Any]:
    shift = draws.shift(modality)
    shifted = AnatomyOnGrid(draws, shift) if shift.any() else fixed
    if modality == "t1":
        return render.t1(shifted, stripped=subject.stripped)
    return render.MAKERS[modality](shifted)


def _build_record(subject: AtlasSubject, draws: VirtualSubject) -> dict[str, Any]:
    modalities = subject.options.modalities
    return {
        "id": subject.id,
        "patient": subject.patient,
        "simulated": sorted(SIMULATED & set(modalities)),
        "provenance": {name: _provenance(subject, name) for name in modalities},
        "seed": subject.seed,
        "index": subject.index,
        "version": VERSION,
        "fingerprint": subject.fingerprint(),
        "options": asdict(subject.options),
        "t1_stripped": subject.stripped,
        "shift_mm": {name: draws.shift(name).round(4).tolist() for name in modalities},
        "labels": dict(LABELS),
        **describe_subject(draws),
    }


def _provenance(subject: AtlasSubject, modality: str) -> str:
    if modality in SIMULATED:
        return "simulated"
    return f"{REAL}; head simulated" if modality == "t1" and not subject.stripped else REAL


def _write_one(subject: AtlasSubject, folder: Path) -> str:
    place = folder / subject.id
    if _is_written(subject, place):
        return subject.id
    draws = _draw(subject)
    case = _build_case(subject, draws)
    extra = {"mask": case.mask, "segmentation": case.segmentation}
    images = dict(case.volumes) | {name: volume for name, volume in extra.items() if volume is not None}
    with files.atomic_folder(place) as beside:
        for name, volume in images.items():
            marker = "SIMULATED" if name in case.simulated else "VIRTUAL SUBJECT"
            io.write(volume, beside / f"{name}.nii.gz", description=marker)
        files.write_json(beside / "case.json", _build_record(subject, draws))
    return subject.id


def _make_folder(folder: Path) -> Path:
    outputs.check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _is_written(subject: AtlasSubject, place: Path) -> bool:
    record = place / "case.json"
    return record.is_file() and files.read_json(record).get("fingerprint") == subject.fingerprint()


def _check(holds: bool, fault: str, expected: str) -> None:
    if not holds:
        raise UsageError("E001", fault, expected, "Choose another value.")
