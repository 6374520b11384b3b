"""The study itself: distorts measured images, takes every metric, and says what each of them sees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pydantic import Field

from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation.drawing.words import enumerated
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import Omission, StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.metrics import answers, costs
from transmodal.experiments.study.studies.metrics.costs import HARMLESS, Costs
from transmodal.experiments.study.studies.metrics.distortions import distortions
from transmodal.experiments.study.units import WorkUnit
from transmodal.metrics import registry

VISIBLE_STEPS, EQUAL, PREFERRED, CURVES = (
    "Steps that are seen",
    "Noise of equal cost",
    "Preferences",
    "Cost by strength",
)
CHART_METRICS = ("mae 3D", "ssim 3D")
_SEES, _BLIND = 0.95, 0.5


class Options(StudyOptions):
    """Options of the study."""

    modality: str = Field(
        "", description="modality whose images are distorted; needed where there are several"
    )
    metrics: tuple[str, ...] = Field((), description="metrics to ask; all that apply by default")
    cases: int = Field(4, ge=1, description="images to distort, the first of the split")


TABLES = (
    StudyTable(
        name=VISIBLE_STEPS,
        caption="The share of steps to the next strength, over cases and steps, at which a metric gets worse. 1: it sees "
        "every step; 0.5: as good as none.",
        row_heading="metric",
        group_heading="",
    ),
    StudyTable(
        name=EQUAL,
        caption="The strength of noise, as a share of the image's range, that costs a metric as much as the strongest step "
        "of a distortion: median over cases. A small number is a fault that the metric takes lightly.",
        row_heading="metric",
        group_heading="",
        decimals=3,
    ),
    StudyTable(
        name=PREFERRED,
        caption="The share of cases in which a metric takes an image with a lesion removed or invented for the better one, "
        "compared with an image that was changed harmlessly. 0 is right.",
        row_heading="metric",
        group_heading="harmless change",
    ),
    StudyTable(
        name=CURVES,
        caption="Noise of equal cost by the step of strength, 1 to 4.",
        row_heading="distortion",
        group_heading="step",
        decimals=3,
        is_detail=True,
    ),
)


def answer(bench: Bench[Options]) -> Findings:
    """Return what every metric sees of distortions of measured images.

    Raises:
        UsageError: E001 where the modality is not said, E002 for a metric or a modality that is not there.
        InputError: E132 for a side of the split without cases, E122 for colour.
        TransmodalError: as `evaluation.score.score`.
    """
    modality = _modality(bench)
    for name in bench.options.metrics:
        registry.find(name)
    cases = [case for case in bench.cohort.cases(bench.split) if modality in case.modalities]
    if not cases:
        raise InputError(
            "E132", f"no {bench.split} case with {modality}", "one or more", "Choose another --split."
        )
    ids = [case.id for case in cases[: bench.options.cases]]
    contents = bench.units.complete("distortions", _plan(bench, modality, ids))
    rows = costs.gather(list(contents.values()))
    names = list(rows[0].by_distortion)
    n = len(ids)
    figures = (*_visible_steps(rows, n), *_equal(rows, n), *_preferred(rows, n), *_curves(rows, n))
    tables = {figure.table for figure in figures}
    curve_names = {figure.figure for figure in figures if figure.table == CURVES and figure.value is not None}
    return Findings(
        _protocol(modality, n),
        tuple(_sentences(rows, names)),
        figures,
        tuple(table for table in TABLES if table.name in tables),
        tuple(
            StudyChart(
                table=CURVES,
                figure=name,
                caption=f"Noise that costs {name} as much as each distortion does, by the step of its strength.",
                kind="curves",
            )
            for name in CHART_METRICS
            if name in curve_names
        ),
        tuple(
            Omission(
                part=kind.name, reason="a case has nothing there: no lesion in its segmentation, or no room"
            )
            for kind in distortions()
            if kind.name not in names
        ),
    )


def _modality(bench: Bench[Options]) -> str:
    """Return the modality to distort: the one that is named, or the cohort's only one."""
    modalities, name = bench.cohort.modalities, bench.options.modality
    if name in modalities:
        return name
    if name:
        hint = suggest(name, modalities, "Choose among these.")
        raise UsageError("E002", f"--option modality={name}", ", ".join(modalities), hint)
    if len(modalities) > 1:
        expected = f"one of {', '.join(modalities)}"
        raise UsageError(
            "E001", "a study of metrics without a modality", expected, "Name it: --option modality=NAME"
        )
    return next(iter(modalities))


def _plan(bench: Bench[Options], modality: str, ids: Sequence[str]) -> dict[str, WorkUnit]:
    unit = bench.cohort.units().get(modality, "")
    data_range = answers.range_in(bench.cohort, modality, unit)
    seed = (bench.seeds or (1,))[0]
    items = [
        answers.DistortedCase(
            name, bench.cohort.folder, modality, bench.options.metrics, data_range, unit, seed + n
        )
        for n, name in enumerate(ids)
    ]
    digest = bench.cohort.digest()
    return {
        item.case: WorkUnit(
            answers.answer_case,
            item,
            {
                "cohort": digest,
                "case": item.case,
                "modality": modality,
                "metrics": item.metrics,
                "range": data_range,
                "seed": item.seed,
            },
        )
        for item in items
    }


def _visible_steps(rows: Sequence[Costs], n: int) -> Iterator[StudyFigure]:
    for row in rows:
        for name in row.by_distortion:
            yield StudyFigure(
                table=VISIBLE_STEPS, row=row.metric, figure=name, value=row.steps_seen(name), n=n
            )


def _equal(rows: Sequence[Costs], n: int) -> Iterator[StudyFigure]:
    for row in rows:
        for name in row.by_distortion:
            if name != costs.NOISE:
                yield _equal_figure(
                    row, name, -1, n, StudyFigure(table=EQUAL, row=row.metric, figure=name, value=0)
                )


def _curves(rows: Sequence[Costs], n: int) -> Iterator[StudyFigure]:
    for row in rows:
        if row.metric in CHART_METRICS:
            for name in row.by_distortion:
                for step in range(1, 5):
                    place = StudyFigure(table=CURVES, row=name, group=str(step), figure=row.metric, value=0)
                    yield _equal_figure(row, name, step, n, place)


def _equal_figure(row: Costs, name: str, step: int, n: int, place: StudyFigure) -> StudyFigure:
    noise = row.equal_noise(name, step)
    if math.isfinite(noise):
        return place.model_copy(update={"value": noise, "n": n})
    return place.model_copy(update={"value": None, "n": n, "note": "more than the strongest noise"})


def _preferred(rows: Sequence[Costs], n: int) -> Iterator[StudyFigure]:
    for row in rows:
        for harmless in HARMLESS:
            for name in _anatomical(row):
                value = row.preference(name, harmless)
                yield StudyFigure(
                    table=PREFERRED, row=row.metric, group=harmless, figure=name, value=value, n=n
                )


def _anatomical(row: Costs) -> list[str]:
    return [kind.name for kind in distortions() if kind.is_anatomical and kind.name in row.by_distortion]


def _sentences(rows: Sequence[Costs], names: Sequence[str]) -> Iterator[str]:
    """Say which metrics see everything, which are blind to what, and which prefer the worse image."""
    blind = {row.metric: [name for name in names if row.steps_seen(name) < _BLIND] for row in rows}
    whole = [row.metric for row in rows if all(row.steps_seen(name) >= _SEES for name in names)]
    yield (
        f"Every step of every distortion is seen by {enumerated(whole)}."
        if whole
        else "No metric sees every step of every distortion."
    )
    for metric, blind_spots in blind.items():
        if blind_spots:
            yield f"{metric} does not see {enumerated(blind_spots)}: fewer than half of the steps cost it anything."
    for name in _anatomical(rows[0]):
        misled = [
            f"{row.metric} ({enumerated(changes)})"
            for row in rows
            if (changes := [change for change in HARMLESS if row.preference(name, change) > _BLIND])
        ]
        if misled:
            yield (
                f"A {name} is preferred to a harmless change, in most images, by {enumerated(misled)}: these metrics "
                "cannot tell whether anatomy is right."
            )
        else:
            yield f"No metric prefers a {name} to a harmless change in most images."


def _protocol(modality: str, n: int) -> str:
    kinds = "; ".join(
        f"{kind.name} {', '.join(f'{strength:g}' for strength in kind.strengths)} ({kind.unit})"
        for kind in distortions()
    )
    changes = ", ".join(
        f"{name} {kind.strengths[HARMLESS[name] - 1]:g}"
        for kind in distortions()
        if (name := kind.name) in HARMLESS
    )
    return (
        f"Measured images of {modality.upper()}, {n} of them, distorted on their own grid, and scored against themselves inside "
        "the evaluation mask by the function that evaluations use. The range is the 0.5th to 99.5th percentile inside the "
        f"mask. Distortions and strengths: {kinds}. Harmless changes: {changes}. Draws are seeded by the case's number."
    )


STUDY = Study(
    name="metrics",
    about="What does each metric see of the faults that synthetic images have, and where does it prefer the worse one?",
    reading=(
        "A metric is an eye with blind spots. Here measured images are spoiled on purpose, in ways that translators spoil them: "
        "blurred, noisy, shifted, striped, with a lesion painted over or painted in. The first table says whether a metric notices at "
        "all. The second makes metrics comparable: it gives the noise that a metric holds to be just as bad, so a row of small numbers "
        "next to a large one shows what the metric cares for. The third is the warning: where a lesion that was removed or invented "
        "scores better than a brightness that is off by a twentieth, a high figure is no evidence that the anatomy is right."
    ),
    needs="nothing",
    answer=answer,
    options=Options,
    command="--cohort cohort --option modality=t2 -o studies/metrics",
)
