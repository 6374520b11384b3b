"""The study itself: moves a source of every case by kinds and steps, and says how much of it a run bears."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation.statistics.paired_tests import holm, paired_by_run, too_few
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.matrices import mean_at
from transmodal.experiments.study.record import Omission, StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.scored import Scored, score_entrants
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.misalignment.curves import MoveCurve, curve_of
from transmodal.experiments.study.studies.misalignment.moved import MovedItem, measure_moved
from transmodal.experiments.study.units import Content, WorkUnit
from transmodal.volumes.geometry.moves import MoveKind, kinds

TOLERANCE = "What is borne"
WORSE_AT, LOSS = "10 % worse at", "rise in MAE at the last step"
_LEAST = 1e-6  # of the error at rest: below lies rounding
HEADINGS = {"mae": "MAE", "ssim": "SSIM"}


class Options(StudyOptions):
    """Options of the study."""

    moved: str = Field("", description="source that is moved; each run's last by default")
    steps: tuple[Annotated[float, Field(gt=0, le=15)], ...] = Field(
        (1, 2, 4, 8, 15),
        min_length=1,
        description="steps of every kind: voxels, degrees, %, voxels; at most 15",
    )
    cases: int = Field(4, ge=1, description="cases to move, the first of the split")


def answer(bench: Bench[Options]) -> Findings:
    """Return how fast translations get worse when a source is moved.

    Raises:
        UsageError: E002 for a source that a run has not.
        InputError: E132 where no case has the source.
        TransmodalError: as `scored.score_entrants` and `Model.translate`.
    """
    moved = {entrant.label: _name_moved(entrant, bench.options.moved) for entrant in bench.entrants}
    scored = score_entrants(bench, bench.entrants)
    steps = tuple(sorted(set(bench.options.steps)))
    contents = {
        entrant.label: _measure(bench, entrant, scored[entrant.label], moved[entrant.label], steps)
        for entrant in bench.entrants
    }
    curves, omissions = [], []
    for row, entrants in bench.rows().items():
        for kind in kinds():
            curve = curve_of(row, kind.name, steps, [contents[entrant.label] for entrant in entrants])
            curves += [curve] if curve else []
            reached = curve.steps if curve else ()
            if len(reached) < len(steps):
                reason = f"{steps[len(reached)]:g} {kind.unit} and more leave too little in the field of view"
                omissions.append(Omission(part=f"{kind.name}, {row}", reason=reason))
    figures = [figure for curve in curves for figure in _draw(curve)] + _losses(curves)
    patients = min((curve.values["mae"][0].shape[1] for curve in curves), default=0)
    units = {curve.unit for curve in curves}
    return Findings(
        _protocol(bench, moved),
        tuple(_sentences(curves)),
        tuple(figures),
        _tables(figures),
        _charts(figures, units.pop() if len(units) == 1 else ""),
        tuple(omissions),
        (f"Intervals: {too_few(patients)}.",) if too_few(patients) else (),
    )


def _name_moved(entrant: Entrant, name: str) -> str:
    sources = entrant.recipe.task.source
    if name and name not in sources:
        hint = suggest(name, sources, "Leave it out: each run's last source is moved.")
        raise UsageError("E002", f"--option moved={name} for {entrant.label}", ", ".join(sources), hint)
    return name or sources[-1]


def _measure(
    bench: Bench[Options], entrant: Entrant, scored: Scored, moved: str, steps: tuple[float, ...]
) -> list[Content]:
    ids = [case.id for case in scored.cases() if moved in case.modalities][: bench.options.cases]
    if not ids:
        raise InputError(
            "E132", f"no {bench.split} case with {moved}", "one or more", "Choose another --split."
        )
    inputs = {
        "weights": entrant.weights_sha256,
        "cohort": bench.cohort.digest(),
        "split": bench.split,
        "moved": moved,
        "steps": steps,
        "device": bench.device,
    }
    units = {
        f"{entrant.label}, {name}": WorkUnit(
            measure_moved,
            MovedItem(entrant, scored.folder, bench.cohort.folder, name, moved, steps, bench.device),
            {**inputs, "case": name},
        )
        for name in ids
    }
    return list(bench.units.complete(f"moves of {entrant.label}", units).values())


def _draw(curve: MoveCurve) -> Iterator[StudyFigure]:
    kind = next(kind for kind in kinds() if kind.name == curve.kind)
    for metric, heading in HEADINGS.items():
        note = curve.unit if metric == "mae" else ""
        # At rest in the voxels of the first step; a run's only source loses some with every step.
        levels = [(0.0, curve.baseline[metric][0]), *zip(curve.steps, curve.values[metric], strict=True)]
        for step, values in levels:
            figure = mean_at(_table_of(kind), curve.row, f"{step:g}", heading, values)
            yield figure.model_copy(update={"note": note})
        for step, values in zip(curve.steps, curve.baseline[metric], strict=True):
            figure = mean_at(_table_of(kind), curve.row, f"{step:g}", f"{heading} at rest", values)
            yield figure.model_copy(update={"note": note})


def _losses(curves: Sequence[MoveCurve]) -> list[StudyFigure]:
    """Return the step that costs a tenth, and the rise in error at the last step, tested over subjects."""
    differences = [paired_by_run(curve.values["mae"][-1], curve.baseline["mae"][-1]) for curve in curves]
    corrected = holm([difference.p for difference in differences])
    figures = []
    for curve, difference, p in zip(curves, differences, corrected, strict=True):
        tolerance = curve.tolerance()
        place = StudyFigure(
            table=TOLERANCE, row=curve.row, group=curve.kind, figure=WORSE_AT, value=tolerance, n=difference.n
        )
        beyond = "" if tolerance is not None else f"not within {curve.steps[-1]:g}"
        figures += [
            place.model_copy(update={"note": beyond}),
            StudyFigure(
                table=TOLERANCE,
                row=curve.row,
                group=curve.kind,
                figure=LOSS,
                value=difference.mean,
                interval=difference.interval,
                n=difference.n,
                p=p,
                note=curve.unit,
            ),
        ]
    return figures


def _sentences(curves: Sequence[MoveCurve]) -> Iterator[str]:
    units = {kind.name: kind.unit for kind in kinds()}
    for curve in curves:
        unit, last, tolerance = units[curve.kind], curve.steps[-1], curve.tolerance()
        ends = paired_by_run(curve.values["mae"][-1], curve.baseline["mae"][-1]).interval
        is_worse = ends is not None and ends.low > _LEAST * float(curve.baseline["mae"][-1].mean())
        yield f"{curve.row}, {curve.kind}: " + (
            f"the error is 10 % greater at {tolerance:.3g} {unit}."
            if tolerance is not None
            else f"the error rises, by less than 10 % within {last:g} {unit}."
            if is_worse
            else f"the error is not shown to rise within {last:g} {unit}."
        )


def _tables(figures: Sequence[StudyFigure]) -> tuple[StudyTable, ...]:
    titles = {figure.table for figure in figures}
    summary = StudyTable(
        name=TOLERANCE,
        caption="The step at which the mean absolute error is 10 % greater than at rest (linear between steps), and the rise at "
        "the last step with its 95 % interval over subjects; p of a paired Wilcoxon test, Holm-corrected. Voxels, degrees, "
        "% and voxels. A great step is good.",
        group_heading="move",
        decimals=3,
    )
    own = [
        StudyTable(
            name=_table_of(kind),
            caption=f"Error and similarity against the amount of {_noun_of(kind)}, in {kind.unit}; 95 % intervals over subjects. At "
            "rest: of the source where it lay.",
            group_heading=kind.unit,
            decimals=4,
            is_detail=True,
        )
        for kind in kinds()
    ]
    return tuple(table for table in (summary, *own) if table.name in titles)


def _noun_of(kind: MoveKind) -> str:
    return {"scale": "scaling", "non-rigid": "non-rigid deformation"}.get(kind.name, kind.name)


def _charts(figures: Sequence[StudyFigure], unit: str) -> tuple[StudyChart, ...]:
    titles = {figure.table for figure in figures}
    return tuple(
        StudyChart(
            table=_table_of(kind),
            figure=HEADINGS["mae"],
            caption=f"Mean absolute error against the amount of {_noun_of(kind)}, in {kind.unit}.",
            kind="curves",
            unit=unit,
        )
        for kind in kinds()
        if _table_of(kind) in titles
    )


def _table_of(kind: MoveKind) -> str:
    return kind.name.capitalize()


def _protocol(bench: Bench[Options], moved: dict[str, str]) -> str:
    alone = [entrant.row for entrant in bench.entrants if len(entrant.recipe.task.source) == 1]
    names = ", ".join(dict.fromkeys(moved.values()))
    back = (
        f" The only source of {', '.join(dict.fromkeys(alone))} takes the target along: the synthetic volume is moved back, and "
        "compared with the one at rest, moved there and back, in the voxels that did not leave the field of view: interpolation "
        "costs both alike."
    )
    return (
        f"Moved: {names}, of the first {bench.options.cases} cases of the split at most, on their own grid by cubic splines, in "
        "directions that are drawn for every case and are the same for every step and run. Voxels outside the field of view "
        "take the source's least value. A non-rigid deformation is a smooth random field of displacements; its amount is the "
        "largest of them. Translated as `translate` does, without the gate, and scored against the target where it lay, inside the evaluation mask. Nothing "
        f"is trained again.{back if alone else ''} Means over subjects; intervals by a bootstrap over subjects and seeds."
    )


STUDY = Study(
    name="misalignment",
    about="How fast does a translation get worse when a source lies beside the others?",
    reading=(
        "Several sources of one head are never quite in register. Here one of them is moved against the others by known steps: "
        "a run that leans on it gets worse with every step, and one that hardly uses it does not; a flat curve is therefore no "
        "merit by itself, and belongs beside what the run gains from that source. A run with one source has nothing to "
        "misalign: its whole source is moved and its translation is moved back, which asks whether it does the same "
        "wherever the head lies; what two interpolations cost is in the figures at rest too."
    ),
    needs="runs",
    answer=answer,
    options=Options,
    command="runs/agi-net runs/pix2pix --cohort cohort --option cases=4 -o studies/misalignment",
)
