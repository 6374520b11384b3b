"""The study itself: every run along each axis and fused, and whether its planes disagree where it errs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transmodal.counts import counted
from transmodal.errors import UsageError
from transmodal.evaluation.drawing.words import enumerated, number, p_value
from transmodal.evaluation.statistics.paired_tests import describe, too_few
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.record import Omission
from transmodal.experiments.study.scored import Scored, score_entrants
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.planes import figures, spread, told
from transmodal.experiments.study.studies.planes.figures import FusionGain, PlaneRow
from transmodal.experiments.study.studies.planes.passes import (
    PLANES,
    PlaneItem,
    measure_planes,
    obstacle,
    trained_axes,
)
from transmodal.experiments.study.studies.planes.spread import SpreadQuality
from transmodal.experiments.study.units import Content, WorkUnit
from transmodal.metrics import paper2d, uncertainty

PROTOCOL = (
    "Each case is translated along x, along y and along z, and along all three fused as the recipe says, as `translate --axes` "
    "does, without the gate; nothing is trained again. Volumes are scored inside the evaluation mask, in 3D, values not "
    f"clipped. Slices: {paper2d.DEFINITION}; the axes are the patient's. Spread: the standard deviation over the three planes, which is "
    f"no calibrated uncertainty; {uncertainty.DEFINITION}. Edges: the length of the fused image's gradient. Means over subjects; "
    "intervals by a bootstrap over subjects and seeds."
)


def answer(bench: Bench[StudyOptions]) -> Findings:
    """Return what each plane and their fusion bring, and what their spread tells.

    Raises:
        UsageError: E004 where no run can go along every axis.
        TransmodalError: as `scored.score_entrants` and `Model.translate`.
    """
    entrants = [entrant for entrant in bench.entrants if not obstacle(entrant)]
    if not entrants:
        raise UsageError(
            "E004",
            f"planes of {bench.entrants[0].row}: {obstacle(bench.entrants[0])}",
            "a run that was trained on slices, and along every axis where it is told its plane",
            "Name one whose recipe has windows of kind slice or slab.",
        )
    scored = score_entrants(bench, entrants)
    contents = {entrant.label: _measure(bench, entrant, scored[entrant.label]) for entrant in entrants}
    rows = _gather(bench, contents)
    gains, qualities, changes = figures.take_gains(rows), spread.judge(rows), told.take_changes(rows)
    patients = len({case["patient"] for case in rows[0].seeds[0]})
    return Findings(
        PROTOCOL,
        (_headline(qualities), *_sentences(rows, gains, qualities), *told.tell_changes(changes)),
        (
            *figures.take_volumes(rows),
            *figures.gain_figures(gains, {row.row: row.unit for row in rows}),
            *told.draw_changes(changes),
            *spread.spread_figures(rows, qualities),
            *figures.take_slices(rows),
        ),
        (*figures.TABLES[:2], *([told.TABLE] if changes else []), *spread.TABLES, figures.TABLES[2]),
        (figures.CHART, *spread.CHARTS),
        tuple(_omissions(bench)),
        (f"Intervals: {too_few(patients)}.",) if too_few(patients) else (),
    )


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
            measure_planes,
            PlaneItem(entrant, scored.folder, bench.cohort.folder, case.id, bench.device),
            {**inputs, "case": case.id},
        )
        for case in scored.cases()
    }
    return list(bench.units.complete(f"planes of {entrant.label}", units).values())


def _gather(bench: Bench[StudyOptions], contents: dict[str, list[Content]]) -> list[PlaneRow]:
    rows = []
    for row, entrants in bench.rows().items():
        seeds = [contents[entrant.label] for entrant in entrants if entrant.label in contents]
        if seeds:
            unit, recipe = str(seeds[0][0]["unit"]), entrants[0].recipe
            trained, is_told = trained_axes(entrants[0]), recipe.windows.plane_channels
            rows.append(PlaneRow(row, unit, seeds, trained, recipe.translator, is_told))
    return rows


def _headline(qualities: Sequence[SpreadQuality]) -> str:
    telling = sum(quality.is_telling for quality in qualities)
    above = sum(quality.is_above_edges for quality in qualities)
    return (
        f"Of {counted(len(qualities), 'translator')} the spread between planes is shown to be greater where the error is "
        f"greater in {telling}, and to tell more of the error than the edges of the image do in {above}."
    )


def _sentences(
    rows: Sequence[PlaneRow], gains: Sequence[FusionGain], qualities: Sequence[SpreadQuality]
) -> Iterator[str]:
    for row, quality in zip(rows, qualities, strict=True):
        own = [gain for gain in gains if gain.row == row.row]
        yield f"{row.row}: {_describe_gains(own)}."
        yield f"{row.row}: {_describe_spread(quality)}."


def _describe_gains(gains: Sequence[FusionGain]) -> str:
    """Say against which planes fusing is shown to lower or to raise the error."""
    parts = []
    for gain in gains:
        ends, change = gain.difference.interval, gain.difference.mean
        share = f"{100 * abs(change) / gain.reference:.1f} %" if gain.reference > 0 else number(abs(change))
        if ends is not None and ends.high < 0:
            parts.append(f"{share} below {gain.plane}'s (p {p_value(gain.p)})")
        elif ends is not None and ends.low > 0:
            parts.append(f"{share} above {gain.plane}'s (p {p_value(gain.p)})")
        else:
            parts.append(f"not shown to differ from {gain.plane}'s")
    return f"the fused error is {enumerated(parts)}"


def _describe_spread(quality: SpreadQuality) -> str:
    if quality.ranks is None or quality.share is None:
        return "planes agree at every voxel, or nothing errs: their spread ranks nothing"
    mean = float(quality.ranks.mean())
    if not quality.is_telling:
        return f"the spread between planes is not shown to rank voxels by their error (rank correlation {mean:.2f})"
    last = describe(quality.share[-1]).mean
    edges = 0.0 if quality.edges is None else float(quality.edges.mean())
    more = "more than" if quality.is_above_edges else "not shown to be more than"
    return (
        f"the tenth of the voxels with the greatest spread errs {last:.2f} times as much as the mean; rank correlation "
        f"{mean:.2f}, {more} the {edges:.2f} of the image's edges"
    )


def _omissions(bench: Bench[StudyOptions]) -> Iterator[Omission]:
    for row, entrants in bench.rows().items():
        if obstacle(entrants[0]):
            yield Omission(part=row, reason=obstacle(entrants[0]))


STUDY = Study(
    name="planes",
    about="Which plane translates best, what does fusing bring, and do planes disagree where the error is?",
    reading=(
        "A translator of slices sees one plane at a time. The same run can go through a head from side to side (x), from back to "
        "front (y) and from foot to head (z), and the three volumes can be averaged. Where the three differ, the translator "
        "contradicts itself. If that spread is greater where the error is greater, it can warn a reader without knowing "
        "the target; a rank correlation near 0, or a flat curve over the tenths, says that it cannot. Errors gather at edges, "
        "and so does the spread: only what it tells beyond the image's own edges is worth three passes. A plane that the run never "
        f"saw in training is marked; {enumerated(PLANES)} are the patient's axes."
    ),
    needs="runs",
    answer=answer,
    command="runs/unet runs/mrnet --cohort cohort -o studies/planes",
)
