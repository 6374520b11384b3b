"""The study itself: maps of every case, masks left out one by one, and what figures say of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, get_args

import numpy as np
from pydantic import Field

from transmodal.evaluation.drawing.words import enumerated
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import holm, paired, too_few
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.matrices import mean_at, over_patients
from transmodal.experiments.study.record import Omission, StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.scored import Scored, score_entrants
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.masks import importance, maps
from transmodal.experiments.study.studies.masks.importance import LeftOut, Way
from transmodal.experiments.study.studies.masks.maps import MapItem
from transmodal.experiments.study.units import Content, WorkUnit

IMPORTANCE = "Importance of masks"
PLACES = "Where maps act"
ANATOMY = "Maps and anatomy"
PAIRS = "How alike masks are"
CHANGE, PASSED = "change in error", "lets pass"
TABLES = (
    StudyTable(
        name=IMPORTANCE,
        caption="Change in mean absolute error when a mask is left open, or lets its mean pass everywhere, of the same trained "
        "run: above 0 the mask helps, at 0 nothing hangs on it. Left open, the image is also brighter; made even, only the "
        "mask's pattern is gone. 95 % interval over subjects; p of a paired Wilcoxon test, Holm-corrected.",
        row_heading="run",
        group_heading="change",
        decimals=4,
    ),
    StudyTable(
        name=ANATOMY,
        caption="Share of a map's variance that lies between tissues, with the subject's own labels and with the labels "
        "turned by half a turn in the slice. Where the first is not above the second a map does not know the anatomy.",
        row_heading="run",
        group_heading="map",
        decimals=3,
    ),
    StudyTable(
        name=PAIRS,
        caption="Correlation of two masks over the voxels of the region, and the share that their strongest tenths have in "
        "common; 0.10 is chance.",
        row_heading="run",
        group_heading="masks",
    ),
    StudyTable(
        name=PLACES,
        caption="Share of the image that a map lets pass, by tissue: 1 leaves it as it is, 0 discards it.",
        row_heading="run",
        group_heading="map and tissue",
        decimals=3,
        is_detail=True,
    ),
)
CHARTS = (
    StudyChart(
        table=IMPORTANCE,
        figure=CHANGE,
        caption="Change in error when a mask is left open or made even (95 % interval over subjects). Dashed: nothing hangs on it.",
        reference=0.0,
    ),
    StudyChart(
        table=ANATOMY,
        figure="own anatomy",
        caption="Share of a map's variance that lies between tissues (95 % interval over subjects).",
        reference=0.0,
    ),
)


class Options(StudyOptions):
    """Options of the study."""

    step: int = Field(4, ge=1, description="every n-th slice of a case is looked at")


class _Figures(NamedTuple):
    """Figures of one kind, and the sentences that they say."""

    figures: list[StudyFigure]
    sentences: list[str]


def answer(bench: Bench[Options]) -> Findings:
    """Return where learned maps act, whether they know anatomy, and what hangs on them.

    Raises:
        UsageError: E004 for a run without maps.
        TransmodalError: as `scored.score_entrants`.
    """
    kinds = {entrant.label: maps.list_maps(entrant) for entrant in bench.entrants}
    scored = score_entrants(bench, bench.entrants)
    contents = {entrant.label: _measure(bench, entrant, scored[entrant.label]) for entrant in bench.entrants}
    masked = [entrant for entrant in bench.entrants if kinds[entrant.label] == "masks"]
    left_out = _importance(
        [(entrant, _leave_out(bench, entrant, scored[entrant.label])) for entrant in masked]
    )
    anatomy, pairs = _anatomy(contents), _pairs(contents)
    figures = [*left_out.figures, *anatomy.figures, *pairs.figures, *_places(contents)]
    tables = {figure.table for figure in figures}
    patients = max(len({content["patient"] for content in cases}) for cases in contents.values())
    return Findings(
        f"Maps of every {bench.options.step}. slice of each case along the first axis of the run's passes, in the voxels of "
        "the segmentation inside the evaluation mask. Errors are taken by the run's own evaluation, with masks of the trained "
        "network replaced and nothing trained again. Means over subjects; intervals by a bootstrap over subjects.",
        (*left_out.sentences, *anatomy.sentences, *pairs.sentences),
        tuple(figures),
        tuple(table for table in TABLES if table.name in tables),
        tuple(chart for chart in CHARTS if chart.table in tables),
        ()
        if masked
        else (
            Omission(part="importance", reason="attention of AGI-Net is no part that can be left open alone"),
        ),
        (f"Intervals: {too_few(patients)}.",) if too_few(patients) else (),
    )


def _measure(bench: Bench[Options], entrant: Entrant, scored: Scored) -> list[Content]:
    units = {
        f"{entrant.label}, {case.id}": WorkUnit(
            maps.measure_case,
            MapItem(entrant, scored.folder, bench.cohort.folder, case.id, bench.options.step, bench.device),
            {**_inputs(bench, entrant), "case": case.id, "step": bench.options.step},
        )
        for case in scored.cases()
    }
    return list(bench.units.complete(f"maps of {entrant.label}", units).values())


def _leave_out(bench: Bench[Options], entrant: Entrant, scored: Scored) -> dict[str, Content]:
    count = importance.n_masks(entrant)
    alone = [(n,) for n in range(count)]
    ways: list[tuple[tuple[int, ...], Way]] = [((), "left open")]
    ways += [(masks, way) for masks in alone for way in get_args(Way)]
    ways += [(tuple(range(count)), way) for way in get_args(Way) if count > 1]
    units = {
        importance.name_of(masks, way): WorkUnit(
            importance.score_without,
            LeftOut(entrant, scored.folder, bench.cohort.folder, masks, way, bench.device),
            {**_inputs(bench, entrant), "masks": list(masks), "way": way},
        )
        for masks, way in ways
    }
    return bench.units.complete(f"masks left out of {entrant.label}", units)


def _inputs(bench: Bench[Options], entrant: Entrant) -> dict[str, object]:
    return {"weights": entrant.weights_sha256, "cohort": bench.cohort.digest(), "split": bench.split}


def _importance(runs: Sequence[tuple[Entrant, Mapping[str, Content]]]) -> _Figures:
    """Return the change in error by every mask that was left open, tested over patients."""
    tests = {
        (entrant.label, name): (
            paired(_values(content), _values(contents[importance.WHOLE])),
            str(content["unit"]),
        )
        for entrant, contents in runs
        for name, content in contents.items()
        if name != importance.WHOLE
    }
    corrected = holm([difference.p for difference, _ in tests.values()])
    figures, sentences = [], []
    for ((label, name), (difference, unit)), p in zip(tests.items(), corrected, strict=True):
        figures.append(
            StudyFigure(
                table=IMPORTANCE,
                row=label,
                group=name,
                figure=CHANGE,
                value=difference.mean,
                interval=difference.interval,
                n=difference.n,
                p=p,
                note=unit,
            )
        )
        ends = difference.interval
        verb = (
            "is not shown to change the error"
            if ends is None or ends.low <= 0 <= ends.high
            else f"raises the error by {difference.mean:.3g}"
            if ends.low > 0
            else f"lowers the error by {-difference.mean:.3g}"
        )
        sentences.append(f"{label}, {name}: that {verb} {unit}".strip() + ".")
    return _Figures(figures, sentences)


def _values(content: Content) -> Values:
    return np.array(list(content["values"].values()), dtype=np.float64)


def _anatomy(contents: Mapping[str, Sequence[Content]]) -> _Figures:
    """Return how far anatomy explains every map, against the same labels turned round."""
    figures, knowing = [], []
    for label, cases in contents.items():
        for name in cases[0]["maps"]:
            own, turned = (
                over_patients(cases, [case["maps"][name][key] for case in cases])
                for key in ("explained", "turned")
            )
            difference = paired(own, turned)
            if difference.interval is not None and difference.interval.low > 0:
                knowing.append(f"{name} of {label}")
            figures += [
                mean_at(ANATOMY, label, name, "own anatomy", own),
                mean_at(ANATOMY, label, name, "turned round", turned),
            ]
    follows = (
        f"Follows the anatomy: {enumerated(knowing)}."
        if knowing
        else "No map is shown to follow the anatomy."
    )
    return _Figures(figures, [follows])


def _pairs(contents: Mapping[str, Sequence[Content]]) -> _Figures:
    figures, alike = [], []
    for label, cases in contents.items():
        for n, pair in enumerate(cases[0]["pairs"]):
            name = f"{pair['first']} and {pair['second']}"
            r = over_patients(cases, [case["pairs"][n]["r"] or 0.0 for case in cases])
            common = over_patients(cases, [case["pairs"][n]["overlap"] for case in cases])
            alike.append(f"{name} of {label} correlate by {r.mean():.2f}")
            figures += [
                mean_at(PAIRS, label, name, "Pearson r", r),
                mean_at(PAIRS, label, name, "strongest tenth in common", common),
            ]
    return _Figures(figures, [f"{sentence}." for sentence in alike])


def _places(contents: Mapping[str, Sequence[Content]]) -> list[StudyFigure]:
    figures = []
    for label, cases in contents.items():
        for name, first in cases[0]["maps"].items():
            for tissue in first["tissues"]:
                having = [case for case in cases if tissue in case["maps"][name]["tissues"]]
                values = over_patients(having, [case["maps"][name]["tissues"][tissue] for case in having])
                figures.append(mean_at(PLACES, label, f"{name}: {tissue}", PASSED, values))
    return figures


STUDY = Study(
    name="masks",
    about="Do learned masks and attention know the anatomy, and does anything hang on them?",
    reading=(
        "MRNet multiplies its image by learned masks, one after the other; AGI-Net weighs its sources by learned attention. A "
        "map is worth its place when three things hold: it acts in some tissues more than in others, and more so than with the "
        "same labels turned round, which any blob in the middle of the head would also match; it is no copy of another map; and "
        "the error rises when it is left open, or when its mean takes its place. A mask that fails the third is decoration, however plausible it looks. Nothing "
        "is trained again here: what a network would have learned without the mask is the question of the ablations."
    ),
    needs="runs",
    answer=answer,
    options=Options,
    command="runs/mrnet runs/agi-net --cohort cohort -o studies/masks",
)
