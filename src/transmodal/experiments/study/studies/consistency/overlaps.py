"""Figures of a segmenter that was given the synthetic contrast: Dice, what it loses, and what the contrast is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from transmodal.evaluation.drawing.words import p_value
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import Difference, holm, paired_by_run
from transmodal.experiments.study.matrices import Seeds, mean_figure, values_of
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.consistency.put_in import MEASURED, SYNTHETIC, WITHOUT
from transmodal.experiments.study.units import Content

OVERLAPS = "Segmentation with the synthetic contrast put in"
LOSS, GAIN = "synthetic - measured", "synthetic - without"
ALL_STRUCTURES = "all structures"
NO_STRUCTURE = "some subject has no such structure"
TABLE = StudyTable(
    name=OVERLAPS,
    caption="Dice of a segmenter that was made with measured contrasts: given all of them measured; given the synthetic target in "
    "the measured one's place; and without the target. Synthetic - measured: what the synthetic contrast costs; synthetic - "
    "without: what it is worth. 95 % intervals over subjects and seeds; p of a paired Wilcoxon test, "
    "Holm-corrected.",
    group_heading="structure",
    decimals=3,
)
CHART = StudyChart(
    table=OVERLAPS,
    figure=LOSS,
    caption="Dice with the synthetic contrast less Dice with the measured one (95 % interval over subjects). Dashed: no loss.",
    reference=0.0,
)


class OverlapRow(NamedTuple):
    """The measured cases of one row.

    Attributes:
        row: of the runs.
        seeds: contents of the cases by run.
    """

    row: str
    seeds: Seeds


class PutInResult(NamedTuple):
    """The mean Dice over structures of a row, by what stood in the target's place.

    Attributes:
        row: of the runs.
        means: by condition, `(seeds, patients)`.
        loss: synthetic less measured.
        gain: synthetic less that without the target.
        p_loss: of the first, corrected.
        p_gain: of the second, corrected.
    """

    row: str
    means: Mapping[str, Values]
    loss: Difference
    gain: Difference
    p_loss: float | None
    p_gain: float | None


def take_results(rows: Sequence[OverlapRow]) -> list[PutInResult]:
    """Return what each row's synthetic contrast costs and is worth; rows with a case without structures are left out."""
    results = []
    for row in rows:
        values = {name: values_of(row.seeds, _mean_dice(name)) for name in (MEASURED, SYNTHETIC, WITHOUT)}
        means = {name: value for name, value in values.items() if value is not None}
        if len(means) == len(values):
            loss, gain = (
                paired_by_run(means[SYNTHETIC], means[condition]) for condition in (MEASURED, WITHOUT)
            )
            results.append(PutInResult(row.row, means, loss, gain, None, None))
    corrected = holm([difference.p for result in results for difference in (result.loss, result.gain)])
    return [
        result._replace(p_loss=corrected[2 * n], p_gain=corrected[2 * n + 1])
        for n, result in enumerate(results)
    ]


def overlap_figures(
    rows: Sequence[OverlapRow], results: Sequence[PutInResult], labels: Mapping[int, str]
) -> Iterator[StudyFigure]:
    """Yield the means over structures of every row, then every structure's Dice."""
    by_row = {row.row: row for row in rows}
    for result in results:
        place = StudyFigure(table=OVERLAPS, row=result.row, group=ALL_STRUCTURES, figure="", value=None)
        for name, values in result.means.items():
            yield mean_figure(place.model_copy(update={"figure": name}), values, "")
        for figure, difference, p in ((LOSS, result.loss, result.p_loss), (GAIN, result.gain, result.p_gain)):
            yield _difference(place.model_copy(update={"figure": figure}), difference, p)
        yield from _structures(by_row[result.row], labels)


def write_sentences(results: Sequence[PutInResult], judge: str) -> Iterator[str]:
    """Say of every row what its synthetic contrast costs a segmenter, and what it is worth.

    Args:
        results: of the rows.
        judge: the segmenter, in words.
    """
    for result in results:
        loss, gain = result.loss, result.gain
        costs = (
            f"falls by {-loss.mean:.3f} (p {p_value(result.p_loss)})"
            if loss.interval is not None and loss.interval.high < 0
            else "is not shown to fall"
        )
        worth = _tell_gain(gain, result.p_gain)
        yield f"{result.row}: with the synthetic contrast put in, the Dice of {judge} {costs}, and {worth}."


def _tell_gain(gain: Difference, p: float | None) -> str:
    ends = gain.interval
    if ends is not None and ends.low > 0:
        return f"is {gain.mean:.3f} above that without the contrast (p {p_value(p)})"
    if ends is not None and ends.high < 0:
        return f"is {-gain.mean:.3f} below that without the contrast (p {p_value(p)}), so that it misleads"
    return "is not shown to differ from that without the contrast"


def _structures(row: OverlapRow, labels: Mapping[int, str]) -> Iterator[StudyFigure]:
    label_sets = [set(case["dice"][MEASURED]) for cases in row.seeds for case in cases]
    for label in sorted(set().union(*label_sets), key=int):
        name = labels.get(int(label), f"label {label}")
        place = StudyFigure(table=OVERLAPS, row=row.row, group=name, figure="", value=None)
        values = {
            condition: values_of(row.seeds, _dice_of(condition, label))
            for condition in (MEASURED, SYNTHETIC, WITHOUT)
        }
        for condition, own in values.items():
            yield mean_figure(place.model_copy(update={"figure": condition}), own, NO_STRUCTURE)
        for figure, reference in ((LOSS, values[MEASURED]), (GAIN, values[WITHOUT])):
            own = values[SYNTHETIC]
            if own is not None and reference is not None:
                yield _difference(
                    place.model_copy(update={"figure": figure}), paired_by_run(own, reference), None
                )


def _difference(place: StudyFigure, difference: Difference, p: float | None) -> StudyFigure:
    changes = {"value": difference.mean, "interval": difference.interval, "n": difference.n, "p": p}
    return StudyFigure.model_validate({**place.model_dump(), **changes})


def _mean_dice(condition: str) -> Callable[[Content], float | None]:
    def pick(case: Content) -> float | None:
        figures = case["dice"][condition].values()
        return sum(figures) / len(figures) if figures else None

    return pick


def _dice_of(condition: str, label: str) -> Callable[[Content], float | None]:
    def pick(case: Content) -> float | None:
        value: float | None = case["dice"][condition].get(label)
        return value

    return pick
