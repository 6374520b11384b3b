"""The cases and slices of a reading session, drawn from those that every system has a volume of, and their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.counts import counted
from transmodal.errors import InputError
from transmodal.evaluation.drawing.figures import Pixels
from transmodal.evaluation.measures.reference_mask import kinds_of, mask_cases
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.experiments.reader.items import Pairs, PictureId, ShownSlice
from transmodal.experiments.reader.lesions import LesionSource
from transmodal.experiments.reader.pictures import (
    PictureStyle,
    ReadCase,
    draw_slice,
    lesion_slices,
    open_case,
)
from transmodal.experiments.reader.session import REAL, QuestionName
from transmodal.experiments.reader.systems import ReadSystem
from transmodal.progress import StageProgress

SplitName = Literal["train", "validation", "test", "all"]


@dataclass(frozen=True, slots=True)
class ReaderRequest:
    """The material of a session, and how it is shown.

    Attributes:
        systems: folders of evaluations or evaluated runs that kept their volumes, or of predictions, as `FOLDER` or `FOLDER=name`.
        target: modality that is shown; empty takes the one of the cohort that can be meant.
        split: side of the cohort's split.
        questions: that are asked.
        n_cases: at most so many, drawn; 0 takes all.
        n_slices: of every case, drawn; of lesions the slices that show most of them, and as many without.
        pairs: which pictures are compared.
        repeats: share of items that is shown once more.
        lesions: where lesions are known from; the question needs it.
        style: how slices become pictures.
        reading: how volumes of other programs are read.
        seed: that everything is drawn with; None draws one.
    """

    systems: tuple[str, ...]
    target: str = ""
    split: SplitName = "test"
    questions: tuple[QuestionName, ...] = ("origin", "preference")
    n_cases: int = 0
    n_slices: int = 1
    pairs: Pairs = "all"
    repeats: float = 0.2
    lesions: LesionSource | None = None
    style: PictureStyle = field(default_factory=PictureStyle)
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    seed: int | None = None


class Drawing(NamedTuple):
    """Slices that are shown, and their pictures."""

    slices: list[ShownSlice]
    pictures: dict[PictureId, Pixels]


def choose_cases(
    cases: Sequence[PreparedCase], systems: Sequence[ReadSystem], n: int, draw: np.random.Generator
) -> list[PreparedCase]:
    """Return the cases that every system has a volume of, at most n of them, drawn; all where n is 0.

    Raises:
        InputError: E132 where there is none.
    """
    complete = [case for case in cases if all(case.id in system.volumes for system in systems)]
    if not complete:
        names = ", ".join(system.name for system in systems)
        raise InputError(
            "E132", f"no case that each of {names} has a volume of", "one or more", "Read them apart."
        )
    places = sorted(draw.permutation(len(complete))[: n or len(complete)])
    return [complete[place] for place in places]


def draw_cases(
    request: ReaderRequest,
    cohort: Cohort,
    target: str,
    cases: Sequence[PreparedCase],
    systems: Sequence[ReadSystem],
    draw: np.random.Generator,
    progress: StageProgress | None,
) -> Drawing:
    """Draw every system's pictures of the slices of cases.

    Args:
        request: of the session.
        cohort: whose cases they are.
        target: modality that is shown.
        cases: that every system has a volume of.
        systems: whose synthetic volumes are shown.
        draw: where chance comes from.
        progress: told how far it is.

    Raises:
        InputError: E131 for lesions that are nowhere to be seen, and as `pictures.draw_slice`.
    """
    drawing = Drawing([], {})
    unit = cohort.units().get(target, "")
    # Where the data set gives no mask, the body is one: what lies around it is noise in the measured image alone.
    for n, case in enumerate(mask_cases(cohort, cases, target, kinds_of("body")), 1):
        read = open_case(case, target, unit)
        slices = _choose_slices(request, read, draw)
        volumes = {REAL: read.target, **{system.name: system.volumes[case.id]() for system in systems}}
        for shown_slice in slices:
            for name, volume in volumes.items():
                label = f"{name} of case {case.id}"
                pixels = draw_slice(read, volume, shown_slice.place, request.style, label)
                drawing.pictures[PictureId(case.id, shown_slice.place, name)] = pixels
        drawing.slices.extend(slices)
        if progress is not None:
            progress("pictures", n, len(cases))
    if "lesion" in request.questions and not any(shown_slice.has_lesion for shown_slice in drawing.slices):
        raise InputError(
            "E131",
            f"{counted(len(cases), 'case')} without a lesion that is to be seen",
            "lesions in some of them",
            "Check --lesion-labels or --subjects, or leave the question out.",
        )
    return drawing


def _choose_slices(request: ReaderRequest, read: ReadCase, draw: np.random.Generator) -> list[ShownSlice]:
    """Return the slices of a case: drawn ones for two questions, and those with and without lesions for the third."""
    plane, case = request.style.plane, read.case
    questions: dict[int, set[QuestionName]] = {}
    general = [question for question in request.questions if question != "lesion"]
    if general:
        for place in _draw_places(read.slices(plane), request.n_slices, draw):
            questions.setdefault(place, set()).update(general)
    has_lesion: dict[int, bool] = {}
    if request.lesions is not None:
        voxels = request.lesions.voxels(case, read.modality)
        if voxels is not None:
            ill, well = lesion_slices(read, voxels, plane)
            has_lesion = {**dict.fromkeys(ill, True), **dict.fromkeys(well, False)}
            for place in (*ill[: request.n_slices], *_draw_places(well, request.n_slices, draw)):
                questions.setdefault(place, set()).add("lesion")
    return [
        ShownSlice(case.id, case.patient, place, frozenset(own), has_lesion.get(place))
        for place, own in sorted(questions.items())
    ]


def _draw_places(places: Sequence[int], n: int, draw: np.random.Generator) -> list[int]:
    return [places[k] for k in sorted(draw.permutation(len(places))[:n])]
