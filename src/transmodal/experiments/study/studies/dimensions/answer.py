"""The study itself: every translator of which there are runs of slices and runs of patches, in three forms, with cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transmodal.counts import counted
from transmodal.errors import UsageError
from transmodal.evaluation.drawing.words import enumerated, number, p_value
from transmodal.evaluation.statistics.paired_tests import too_few
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.record import Omission
from transmodal.experiments.study.scored import Scored, score_entrants
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.dimensions import figures
from transmodal.experiments.study.studies.dimensions.figures import DimensionRow, FormChange
from transmodal.experiments.study.studies.dimensions.forms import (
    AXIAL,
    FUSED,
    IN_WORDS,
    PROCESSOR,
    SECONDS,
    SOLID,
    Form,
    FormItem,
    count_parameters,
    forms_of,
    is_solid,
    measure_forms,
)
from transmodal.experiments.study.units import Content, WorkUnit

PROTOCOL = (
    "Runs of one translator and one target are held against each other: those of slices translate every case along z alone, and "
    "along x, y and z fused as their recipe says, with the same weights; those of patches translate overlapping patches, blended. "
    "Nothing is trained again, and the trainings are as their recipes have them: what they had to learn from stands there. Volumes are "
    "scored inside the evaluation mask, in 3D, values not clipped. Steps: the mean absolute difference of the slopes from one axial "
    "slice to the next, per mm. Seconds: of one translation without reading and writing, the engine's warm-up included; of processors: over all threads. Memory: "
    "counted from shapes, before the work. Means over subjects; intervals by a bootstrap over subjects and seeds."
)


def answer(bench: Bench[StudyOptions]) -> Findings:
    """Return what planes fused and patches bring against axial slices, and what they cost.

    Raises:
        UsageError: E004 where no translator has both a run of slices and a run of patches.
        TransmodalError: as `scored.score_entrants` and `Model.translate`.
    """
    pairs = _pair(bench.entrants)
    if not pairs:
        row_names = enumerated(list(dict.fromkeys(entrant.row for entrant in bench.entrants)))
        raise UsageError(
            "E004",
            f"dimensions of {row_names}, of which no translator has runs of both kinds",
            "a run of slices and a run of patches of one translator, for one target",
            "Train the other with --set windows.kind=patch and --set windows.size=[32,32,32], or without, and name both.",
        )
    entrants = [entrant for flat, solid in pairs.values() for entrant in (*flat, *solid)]
    scored = score_entrants(bench, entrants)
    contents = {entrant.label: _measure(bench, entrant, scored[entrant.label]) for entrant in entrants}
    rows = [_row(name, flat, solid, contents) for name, (flat, solid) in pairs.items()]
    changes = figures.take_changes(rows)
    patients = len({case["patient"] for case in rows[0].flat[0]})
    return Findings(
        PROTOCOL,
        (_headline(changes), *_sentences(rows, changes)),
        (
            *figures.take_errors(rows),
            *figures.change_figures(changes, {row.row: row.unit for row in rows}),
            *figures.take_costs(rows),
        ),
        figures.TABLES,
        figures.charts(rows[0].unit),
        tuple(
            Omission(part=entrant.label, reason="there is no run of the other kind of this translator")
            for entrant in bench.entrants
            if entrant not in entrants
        ),
        (f"Intervals: {too_few(patients)}.",) if too_few(patients) else (),
    )


def _pair(entrants: Sequence[Entrant]) -> dict[str, tuple[list[Entrant], list[Entrant]]]:
    """Return runs of slices and runs of patches by translator and target, where there are both."""
    kinds: dict[tuple[str, str], tuple[list[Entrant], list[Entrant]]] = {}
    for entrant in entrants:
        key = (entrant.recipe.translator, entrant.recipe.task.target)
        kinds.setdefault(key, ([], []))[is_solid(entrant)].append(entrant)
    complete_pairs = {key: pair for key, pair in kinds.items() if all(pair)}
    names = [translator for translator, _ in complete_pairs]
    return {
        name if names.count(name) == 1 else f"{name} to {target}": pair
        for (name, target), pair in complete_pairs.items()
    }


def _measure(bench: Bench[StudyOptions], entrant: Entrant, scored: Scored) -> list[Content]:
    inputs = {
        "weights": entrant.weights_sha256,
        "row": entrant.row,
        "cohort": bench.cohort.digest(),
        "split": bench.split,
        "device": bench.device,
    }
    units = {
        f"{entrant.label}, {case.id}": WorkUnit(
            measure_forms,
            FormItem(entrant, scored.folder, bench.cohort.folder, case.id, bench.device),
            {**inputs, "case": case.id},
        )
        for case in scored.cases()
    }
    return list(bench.units.complete(f"forms of {entrant.label}", units).values())


def _row(
    name: str, flat: Sequence[Entrant], solid: Sequence[Entrant], contents: dict[str, list[Content]]
) -> DimensionRow:
    seeds = [[contents[entrant.label] for entrant in kind] for kind in (flat, solid)]
    parameters: dict[Form, int] = {}
    for entrant in (flat[0], solid[0]):
        parameters |= dict.fromkeys(forms_of(entrant), count_parameters(entrant))
    return DimensionRow(name, str(seeds[0][0][0]["unit"]), seeds[0], seeds[1], parameters)


def _headline(changes: Sequence[FormChange]) -> str:
    parts = []
    for form in (SOLID, FUSED):
        own = [c for c in changes if (c.first, c.second, c.metric) == (form, AXIAL, "mae")]
        n_below, n_above = sum(map(_is_below, own)), sum(map(_is_above, own))
        parts.append(
            f"{IN_WORDS[form]} err less in {n_below}, more in {n_above} and are not shown to differ in "
            f"{len(own) - n_below - n_above}"
        )
    n = len({change.row for change in changes})
    return f"Against axial slices, of {counted(n, 'translator')}: {'; '.join(parts)}."


def _sentences(rows: Sequence[DimensionRow], changes: Sequence[FormChange]) -> Iterator[str]:
    for row in rows:
        own = [change for change in changes if change.row == row.row and change.second == AXIAL]
        descriptions = [f"{_describe(change)}" for change in own]
        yield f"{row.row}: against axial slices, {enumerated(descriptions)}."
        times = [f"{_time(row, form)} by {IN_WORDS[form]}" for form in (AXIAL, FUSED, SOLID)]
        share = row.parameters[SOLID] / row.parameters[AXIAL]
        yield f"{row.row}: a volume takes {enumerated(times)}; patches have {share:.2g} times the parameters of slices."


def _time(row: DimensionRow, form: Form) -> str:
    seconds, work = (row.values(form, name) for name in (SECONDS, PROCESSOR))
    assert seconds is not None  # every case has both
    assert work is not None
    return f"{number(float(seconds.mean()))} s ({number(float(work.mean()))} s of processors)"


def _describe(change: FormChange) -> str:
    subject = f"{'the error' if change.metric == 'mae' else 'the error of the steps between slices'} of {IN_WORDS[change.first]}"
    size = f"{100 * abs(change.difference.mean) / change.reference:.1f} %" if change.reference > 0 else ""
    if _is_below(change):
        return f"{subject} is {size} lower (p {p_value(change.p)})"
    if _is_above(change):
        return f"{subject} is {size} higher (p {p_value(change.p)})"
    return f"{subject} is not shown to differ"


def _is_below(change: FormChange) -> bool:
    ends = change.difference.interval
    return ends is not None and ends.high < 0


def _is_above(change: FormChange) -> bool:
    ends = change.difference.interval
    return ends is not None and ends.low > 0


STUDY = Study(
    name="dimensions",
    about="What do three planes fused and native 3D bring against axial slices, and what do they cost?",
    reading=(
        "A translator of slices sees one plane at a time, so that neighbouring slices need not agree: the steps between slices show "
        "it. Two remedies cost more. The same run can go through the head along three planes, and the three volumes are averaged: "
        "three times the work, with no new training. Or the network is built in three dimensions and sees small boxes: it knows the "
        "neighbouring slices, has more parameters, and sees less of the head at once. An interval of the change "
        "below 0 says that the remedy errs less; one that holds 0 says that these subjects do not show it. Small recipes on two "
        "cores show what the forms do with little training; they rank no method at its full size."
    ),
    needs="runs",
    answer=answer,
    recipes=("t1-to-t2-pix2pix-small", "t1-to-t2-pix2pix-patches"),
    command="t1-to-t2-pix2pix-small t1-to-t2-pix2pix-patches --cohort cohort -o studies/dimensions",
)
