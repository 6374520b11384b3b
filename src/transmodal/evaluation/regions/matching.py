"""A request for figures per region, and its images and labels matched to cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.store import Cohort
from transmodal.counts import counted
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.predictions import folder as folders
from transmodal.evaluation.predictions.alone import choose_target
from transmodal.evaluation.predictions.reference import name_references
from transmodal.evaluation.regions import images, labels, visits
from transmodal.evaluation.regions.images import ImageSet
from transmodal.evaluation.regions.labels import LabelReaders
from transmodal.evaluation.regions.visits import Visit
from transmodal.volumes.reading import STRICT, Reading


@dataclass(frozen=True, slots=True)
class RegionRequest:
    """A request for figures per region.

    Attributes:
        synthetic: words for sets of synthetic images, each `FOLDER` or `FOLDER=name`.
        measured: the same of measured ones.
        modality: of the images; empty takes the cohort's one that can be meant.
        cohort: whose cases count, with its own images and segmentations; None goes by the files' names.
        split: side of the cohort that counts, or `all`.
        labels: folder of label maps, or one for all cases; None takes the cohort's segmentations.
        names: table of the labels' names; None takes the cohort's.
        resamples: bring images of another grid onto their labels'.
        reading: for files that leave something open.
    """

    synthetic: Sequence[str] = ()
    measured: Sequence[str] = ()
    modality: str = ""
    cohort: Cohort | None = None
    split: str = "all"
    labels: Path | None = None
    names: Path | None = None
    resamples: bool = False
    reading: Reading = STRICT


class MatchedGroup(NamedTuple):
    """Cases with their images and labels.

    Attributes:
        modality: of the images.
        visits: the cases.
        sets: their images.
        labels: what reads a case's labels.
        notes: for a reader of the figures.
    """

    modality: str
    visits: tuple[Visit, ...]
    sets: list[ImageSet]
    labels: LabelReaders
    notes: tuple[str, ...]


def match(request: RegionRequest) -> MatchedGroup:
    """Match images and labels to cases.

    Raises:
        UsageError: E001 and E004 for a request that does not go together.
        InputError: E132 where no case has both, and as `images`, `labels` and `visits`.
    """
    cohort = request.cohort
    if cohort is None:
        return _open_folders(request)
    modality = choose_target(cohort, request.modality)
    prepared = cohort.cases(visits.check_split(request.split))
    cases, roster = [case.id for case in prepared], [case.id for case in cohort.cases()]
    sets = [*images.of_cohort(cohort, prepared, modality), *_requested_sets(request, modality, cases, roster)]
    if request.labels is None:
        return _group(modality, visits.of_cohort(cohort, prepared), sets, labels.of_cohort(prepared), 0)
    readers, unknown = labels.of_path(request.labels, cases, roster, request.reading)
    return _group(modality, visits.of_cohort(cohort, prepared), sets, readers, unknown)


def _open_folders(request: RegionRequest) -> MatchedGroup:
    """Match images and labels by the names of the first folder's files."""
    words = (*request.measured, *request.synthetic)
    if not words or request.labels is None or not request.modality:
        raise UsageError(
            "E004",
            "regions without a cohort, of which the images, their labels or their modality are not named",
            "FOLDER... --labels FOLDER --modality MODALITY, or --cohort COHORT",
            "Name them.",
        )
    if request.split != "all":
        raise UsageError("E004", f"--split {request.split} without a cohort", "all", "Leave it out.")
    cases = list(name_references(folders.parse(words[0]), request.modality))
    sets = _requested_sets(request, request.modality, cases, cases)
    readers, unknown = labels.of_path(request.labels, cases, cases, request.reading)
    return _group(request.modality, visits.of_names(cases), sets, readers, unknown)


def _requested_sets(
    request: RegionRequest, modality: str, cases: Sequence[str], roster: Sequence[str]
) -> list[ImageSet]:
    measured = [
        images.of_folder(folders.parse(words), "measured", cases, roster, request.reading)
        for words in request.measured
    ]
    synthetic = [
        own
        for words in request.synthetic
        for own in images.of_words(words, cases, roster, modality, request.reading)
    ]
    return [*measured, *synthetic]


def _group(
    modality: str, own: tuple[Visit, ...], sets: list[ImageSet], readers: LabelReaders, unknown: int
) -> MatchedGroup:
    images.check_names(sets)
    if not any(case in readers for part in sets for case in part.readers):
        raise InputError(
            "E132",
            f"no case with both an image of {modality} and labels",
            "images, and labels of the same cases",
            "Name folders of images, or check that the names of files speak of the same cases.",
        )
    notes = [*_note_sets(sets, own, readers), *_note_training(sets, own)]
    if unknown:
        notes.append(f"{counted(unknown, 'label map is', 'label maps are')} of no case by name, left aside.")
    return MatchedGroup(modality, own, sets, readers, tuple(notes))


def _note_sets(sets: Sequence[ImageSet], own: Sequence[Visit], readers: LabelReaders) -> Iterator[str]:
    for part in sets:
        n = sum(visit.case in part.readers and visit.case in readers for visit in own)
        if n < len(own):
            yield f"{part.name}: {n} of {len(own)} cases have an image and labels."
        if part.unknown:
            yield f"{part.name}: {counted(part.unknown, 'file is', 'files are')} of no case by name, left aside."


def _note_training(sets: Sequence[ImageSet], own: Sequence[Visit]) -> Iterator[str]:
    for part in sets:
        n = sum(visit.split == "train" and visit.case in part.readers for visit in own)
        if part.source == "synthetic" and n:
            yield (
                f"{part.name}: {n} cases are on the training side of the cohort's split. A translator that learned from "
                "them shows them better than others: choose --split test for figures of new cases."
            )
