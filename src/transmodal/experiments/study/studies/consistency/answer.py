"""The study itself: steps of every run along each axis, by its own passes and fused, and a segmenter with its volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.learned.segmenter import open_onnx
from transmodal.evaluation.statistics.paired_tests import too_few
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.record import Omission
from transmodal.experiments.study.scored import Scored, StudyScoring, score_entrants
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.consistency import flicker, overlaps
from transmodal.experiments.study.studies.consistency.classifier import (
    AROUND_MM,
    LearnItem,
    has_labels,
    learn_gaussians,
)
from transmodal.experiments.study.studies.consistency.flicker import StepRow
from transmodal.experiments.study.studies.consistency.overlaps import OverlapRow
from transmodal.experiments.study.studies.consistency.put_in import PutInItem, Values, measure_put_in
from transmodal.experiments.study.studies.consistency.steps import AXES, FEWEST, StepItem, measure_steps
from transmodal.experiments.study.units import Content, WorkUnit
from transmodal.inference.passes import Passes
from transmodal.storage import files

FUSED = "fused"
"""Added to the name of a row whose run passes over all three axes."""


class Options(StudyOptions):
    """Options of the study."""

    segmenter: str = Field("", description="ONNX file; empty takes a classifier of tissues learnt here")
    contrasts: tuple[str, ...] = Field(
        (), description="contrasts of the segmenter, in its order; each run's sources and target by default"
    )
    values: Values = Field(
        "zscore",
        description="values that the segmenter gets: zscore inside the mask, 0 outside, or real units",
    )


class _OverlapPart(NamedTuple):
    """Rows of overlaps, or the reason that there are none; the judge in words, and the names of labels."""

    rows: list[OverlapRow]
    omissions: list[Omission]
    judge: str
    labels: Mapping[int, str]


def answer(bench: Bench[Options]) -> Findings:
    """Return along which axes whole slices are off, and what a segmenter makes of the volumes.

    Raises:
        UsageError: E004 for a segmenter of another number of contrasts, or contrasts without the target.
        InputError: as `evaluation.learned.segmenter.open_onnx`.
        TransmodalError: as `scored.score_entrants`.
    """
    _check(bench)
    own = score_entrants(bench, bench.entrants)
    single = [entrant for entrant in bench.entrants if len(_axes(entrant)) == 1]
    fused = score_entrants(
        bench, single, StudyScoring(passes=Passes(axes=tuple(AXES))), stage="fused evaluations"
    )
    rows = [*_step_rows(bench, own, ""), *_step_rows(bench, fused, f", {FUSED}")]
    flickers = flicker.take_flicker(rows)
    part = _overlap_rows(bench, own)
    results = overlaps.take_results(part.rows)
    patients = len({case["patient"] for case in rows[0].seeds[0]})
    notes = (f"Intervals: {reason}." if (reason := too_few(patients)) else "", flicker.spacing_note(rows))
    return Findings(
        _protocol(bench, part),
        (
            flicker.write_headline(rows, flickers),
            *flicker.write_sentences(rows, flickers),
            *overlaps.write_sentences(results, part.judge),
        ),
        (
            *flicker.step_figures(rows, flickers),
            *overlaps.overlap_figures(part.rows, results, part.labels),
        ),
        (*flicker.TABLES, *((overlaps.TABLE,) if results else ())),
        (flicker.CHART, *((overlaps.CHART,) if results else ())),
        tuple(part.omissions),
        tuple(note for note in notes if note),
    )


def _check(bench: Bench[Options]) -> None:
    """Refuse a segmenter and contrasts that do not fit, before anything is translated."""
    options = bench.options
    for entrant in bench.entrants:
        contrasts, target = _contrasts(entrant, options), entrant.recipe.task.target
        if target not in contrasts:
            raise UsageError(
                "E004",
                f"--option contrasts={','.join(contrasts)} without {target}, which {entrant.row} makes",
                "the target among them",
                "Name the contrasts that the segmenter takes, the synthetic one too.",
            )
        if options.segmenter and (n := open_onnx(Path(options.segmenter)).n_contrasts) != len(contrasts):
            raise UsageError(
                "E004",
                f"{len(contrasts)} contrasts ({', '.join(contrasts)}) for a segmenter of {n}",
                f"{n}",
                "Name them in its order: --option contrasts=t1,t2",
            )


def _axes(entrant: Entrant) -> tuple[str, ...]:
    """Return the axes that a run passes over by its recipe; none for 3D patches."""
    recipe = entrant.recipe
    return () if recipe.windows.kind == "patch" else tuple(recipe.translation.axes or recipe.windows.axes)


def _contrasts(entrant: Entrant, options: Options) -> tuple[str, ...]:
    task = entrant.recipe.task
    return options.contrasts or (*task.source, task.target)


def _step_rows(bench: Bench[Options], scored: Mapping[str, Scored], addition: str) -> list[StepRow]:
    """Return the steps of every row that was scored."""
    rows = []
    for row, entrants in bench.rows().items():
        scored_entrants = [entrant for entrant in entrants if entrant.label in scored]
        seeds = [
            _measure_steps(bench, entrant, scored[entrant.label], addition) for entrant in scored_entrants
        ]
        if seeds:
            axes = tuple(AXES) if addition else _axes(scored_entrants[0])
            rows.append(StepRow(f"{row}{addition}", str(seeds[0][0]["unit"]), axes, seeds))
    return rows


def _measure_steps(bench: Bench[Options], entrant: Entrant, scored: Scored, addition: str) -> list[Content]:
    units = {
        f"{entrant.label}, {case.id}": WorkUnit(
            measure_steps,
            StepItem(scored.names[0], scored.folder, bench.cohort.folder, case.id),
            {**_inputs(bench, entrant), "case": case.id, "passes": addition},
        )
        for case in scored.cases()
    }
    return list(bench.units.complete(f"steps of {entrant.label}{addition}", units).values())


def _inputs(bench: Bench[Options], entrant: Entrant) -> Content:
    return {
        "weights": entrant.weights_sha256,
        "row": entrant.row,
        "cohort": bench.cohort.digest(),
        "split": bench.split,
        "device": bench.device,
    }


def _overlap_rows(bench: Bench[Options], scored: Mapping[str, Scored]) -> _OverlapPart:
    rows, omissions = [], []
    labels = bench.cohort.manifest.options.labels
    for row, entrants in bench.rows().items():
        contrasts = _contrasts(entrants[0], bench.options)
        cases = _labelled(bench, scored[entrants[0].label], contrasts)
        if not cases:
            reason = f"no {bench.split} case has {', '.join(contrasts)} and a segmentation"
            omissions.append(Omission(part=f"segmentation, {row}", reason=reason))
            continue
        try:
            gaussians = {} if bench.options.segmenter else _learn(bench, contrasts)
        except InputError as error:
            omissions.append(Omission(part=f"segmentation, {row}", reason=str(error)))
            continue
        seeds = [
            _measure_put_in(bench, entrant, scored[entrant.label], cases, gaussians) for entrant in entrants
        ]
        rows.append(OverlapRow(row, seeds))
    return _OverlapPart(rows, omissions, _judge(bench), dict(labels))


def _labelled(bench: Bench[Options], scored: Scored, contrasts: Sequence[str]) -> list[str]:
    """Return the ids of the scored cases that labels can be compared in."""
    cohort = bench.cohort.named_for(contrasts)
    return [case.id for case in scored.cases() if has_labels(cohort.case(case.id), contrasts)]


def _learn(bench: Bench[Options], contrasts: tuple[str, ...]) -> Content:
    training = bench.material.training_cohort or bench.cohort.folder
    unit = WorkUnit(
        learn_gaussians,
        LearnItem(training, contrasts),
        {"cohort": Cohort.open(training).digest(), "contrasts": contrasts},
    )
    name = ", ".join(contrasts)
    return bench.units.complete("tissues of measured contrasts", {name: unit})[name]


def _measure_put_in(
    bench: Bench[Options], entrant: Entrant, scored: Scored, cases: Sequence[str], gaussians: Content
) -> list[Content]:
    options = bench.options
    segmenter = Path(options.segmenter) if options.segmenter else None
    digest = "" if segmenter is None else files.sha256_file(segmenter)
    inputs = {
        **_inputs(bench, entrant),
        "segmenter": digest,
        "values": options.values,
        "gaussians": gaussians,
    }
    contrasts = _contrasts(entrant, options)
    units = {
        f"{entrant.label}, {case}": WorkUnit(
            measure_put_in,
            PutInItem(
                entrant,
                scored.folder,
                bench.cohort.folder,
                case,
                contrasts,
                segmenter,
                gaussians,
                options.values,
            ),
            {**inputs, "case": case, "contrasts": contrasts},
        )
        for case in cases
    }
    return list(bench.units.complete(f"segmentations of {entrant.label}", units).values())


def _judge(bench: Bench[Options]) -> str:
    if not bench.options.segmenter:
        return "a classifier of tissues"
    return f"segmenter {files.sha256_file(Path(bench.options.segmenter))[:12]}"


def _protocol(bench: Bench[Options], part: _OverlapPart) -> str:
    value_scale = (
        "each contrast with mean 0 and standard deviation 1 inside the mask and 0 outside"
        if bench.options.values == "zscore"
        else "real units, a target without a unit scaled to the training cohort's"
    )
    judge = (
        "Labels: an ONNX segmenter, given upright; without: the target's values are shuffled over the mask's voxels"
        if bench.options.segmenter
        else "Labels: no segmenter was given, so that a Gaussian of each label's measured contrasts stands in, at the voxel and "
        f"around it (sigma {AROUND_MM:g} mm), learnt from the training split; without: the Gaussians of the other contrasts. It knows no "
        "anatomy, and its Dice is no segmenter's"
    )
    segmentation = (
        f" {judge}; it gets {value_scale}. Dice inside the mask against the case's own segmentation, where it has none against the "
        "labels of the measured contrasts; mean over the structures that a case has."
        if part.rows
        else ""
    )
    return (
        "Steps: differences of a voxel and the next along an axis, of the synthetic volume and of the target on the target's "
        f"grid, both voxels inside the evaluation mask, pairs of slices that share {FEWEST} voxels or more. Rows marked {FUSED}: the same "
        f"run over all three axes, fused as its recipe says.{segmentation} Nothing is trained again. Means over subjects; "
        "intervals by a bootstrap over subjects and seeds."
    )


STUDY = Study(
    name="consistency",
    about="Do a translation's slices fit one another, and can a segmenter work with its volume?",
    reading=(
        "A translator of slices makes each without knowing the next. Small errors that a whole slice has in common do not show in "
        "it, and show as stripes in the other two views. So the mean error of every slice is compared with its neighbour's: along the "
        "axis of the slices, and along the other two, where nothing was cut. If the first is greater, the translation flickers; "
        "if fusing three planes brings it down, that is the remedy. A volume is also made to be used: a segmenter that was made with "
        "measured contrasts is given the synthetic one in the measured one's place. Dice that stays says that what the segmenter "
        "needs is there; Dice as low as without the contrast says that the synthetic one brings nothing new, however well it looks."
    ),
    needs="runs",
    answer=answer,
    options=Options,
    command="runs/unet runs/pix2pix --cohort cohort -o studies/consistency",
)
