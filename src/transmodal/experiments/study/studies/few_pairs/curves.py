"""Curves over the number of training subjects: what more of them bring, and pairs against no pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import Difference, describe, holm, paired
from transmodal.experiments.study.parts import PERCENT_OF_RANGE
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.few_pairs.budget import PairKind

QUALITY, MORE, AGAINST = "Quality by number of subjects", "More subjects", "Pairs against no pairs"
GAIN, ENOUGH, LESS = "fall in MAE", "enough", "MAE less"
HEADINGS = {"mae": "MAE", "ssim": "SSIM"}
TABLES = (
    StudyTable(
        name=MORE,
        caption="Fall in MAE from the fewest training subjects to the most, below 0 a rise, with a 95 % interval over test subjects and seeds and "
        "the p of a paired Wilcoxon test, Holm-corrected; and the fewest subjects whose error is not shown to be greater than with the "
        "most.",
        group_heading="subjects",
        decimals=2,
        whole=(ENOUGH,),
    ),
    StudyTable(
        name=AGAINST,
        caption="MAE of the translator that learns from pairs less that of the one that learns from none, with as many subjects and "
        "steps; below 0 pairs are better. Of a half-paired translator so many subjects have pairs: less the error of one that learns from "
        "these pairs alone, and of one that learns from all subjects without pairs; below 0 learning from both is better. 95 % "
        "intervals; p of a paired Wilcoxon test, Holm-corrected.",
        group_heading="subjects",
        decimals=2,
    ),
    StudyTable(
        name=QUALITY,
        caption="Means over the test subjects with 95 % intervals over subjects and seeds; of a half-paired translator so many "
        f"subjects have pairs, and images of all others are learned from without. MAE in {PERCENT_OF_RANGE}.",
        group_heading="subjects",
        decimals=3,
    ),
)
CHART = StudyChart(
    table=QUALITY,
    figure=HEADINGS["mae"],
    caption=f"Mean absolute error by number of training subjects, in {PERCENT_OF_RANGE}.",
    kind="curves",
)


class PairCurve(NamedTuple):
    """Figures of one recipe by number of training subjects.

    Attributes:
        row: of the recipe.
        kind: whether it learns from pairs.
        counts: of training subjects, rising; of those with pairs, where it learns from others besides.
        values: by metric, `(seeds, patients)` for every count.
    """

    row: str
    kind: PairKind
    counts: tuple[int, ...]
    values: Mapping[str, Sequence[Values]]

    def gain(self) -> Difference:
        """Return the error with the fewest subjects less that with the most."""
        errors = self.values["mae"]
        return paired(errors[0], errors[-1])

    def enough(self) -> int | None:
        """Return the fewest subjects whose error is not shown to be greater than with the most; None without intervals."""
        most = self.values["mae"][-1]
        for count, values in zip(self.counts, self.values["mae"], strict=True):
            ends = paired(values, most).interval
            if ends is None:
                return None
            if ends.low <= 0:
                return count
        return self.counts[-1]


def draw_quality(curves: Sequence[PairCurve]) -> Iterator[StudyFigure]:
    """Return mean error and SSIM of every recipe and count."""
    for curve in curves:
        for metric, heading in HEADINGS.items():
            for count, values in zip(curve.counts, curve.values[metric], strict=True):
                description = describe(values)
                yield StudyFigure(
                    table=QUALITY,
                    row=_row(curve),
                    group=str(count),
                    figure=heading,
                    value=description.mean,
                    interval=description.of_mean,
                    n=description.n,
                )


def draw_gains(curves: Sequence[PairCurve]) -> Iterator[StudyFigure]:
    """Return what the most subjects bring over the fewest, and how many are enough."""
    gains = [curve.gain() for curve in curves]
    for curve, gain, p in zip(curves, gains, holm([gain.p for gain in gains]), strict=True):
        enough = curve.enough()
        fall = StudyFigure(
            table=MORE,
            row=_row(curve),
            group=f"{curve.counts[0]} to {curve.counts[-1]}",
            figure=GAIN,
            value=gain.mean,
            interval=gain.interval,
            n=gain.n,
            p=p,
            note=PERCENT_OF_RANGE,
        )
        yield fall
        yield StudyFigure(
            table=MORE,
            row=fall.row,
            group=fall.group,
            figure=ENOUGH,
            value=enough,
            n=gain.n,
            note="" if enough else "too few to say",
        )


def draw_differences(curves: Sequence[PairCurve]) -> list[StudyFigure]:
    """Return how much less the error is with pairs than without, and with both than with either, by count."""
    places, differences = [], []
    for ours, theirs in _opponents(curves):
        has_all = (ours.kind, theirs.kind) == ("half-paired", "no pairs")
        for n, count in enumerate(ours.counts):
            places.append((f"{ours.row} against {theirs.row}", str(count)))
            differences.append(paired(ours.values["mae"][n], theirs.values["mae"][-1 if has_all else n]))
    corrected = holm([difference.p for difference in differences])
    return [
        StudyFigure(
            table=AGAINST,
            row=row,
            group=count,
            figure=LESS,
            value=difference.mean,
            interval=difference.interval,
            n=difference.n,
            p=p,
            note=PERCENT_OF_RANGE,
        )
        for (row, count), difference, p in zip(places, differences, corrected, strict=True)
    ]


def tell(curves: Sequence[PairCurve], differences: Sequence[StudyFigure]) -> Iterator[str]:
    """Return what the curves say, in sentences."""
    for curve in curves:
        span = f"{_row(curve)}, {curve.counts[0]} to {curve.counts[-1]} subjects"
        gain, enough = curve.gain(), curve.enough()
        if gain.interval is None:
            yield f"{span}: too few test subjects to say what more bring."
        elif gain.interval.low > 0:
            yield (
                f"{span}: the error falls by {gain.mean:.2f} (95 % interval {gain.interval.low:.2f} to {gain.interval.high:.2f}) "
                f"{PERCENT_OF_RANGE}; {enough} are not shown to be fewer than enough."
            )
        elif gain.interval.high < 0:
            yield (
                f"{span}: the error rises by {-gain.mean:.2f} (95 % interval {-gain.interval.high:.2f} to {-gain.interval.low:.2f}) "
                f"{PERCENT_OF_RANGE}: on this budget of steps more subjects made it worse."
            )
        else:
            yield f"{span}: the error is not shown to fall."
    for row in dict.fromkeys(figure.row for figure in differences):
        own = [figure for figure in differences if figure.row == row and figure.interval is not None]
        better = [f.group for f in own if f.interval is not None and f.interval[1] < 0]
        worse = [f.group for f in own if f.interval is not None and f.interval[0] > 0]
        if better or worse:
            yield (
                "; ".join(
                    f"{row}: the error is shown to be {word} with {', '.join(counts)} subjects"
                    for word, counts in (("lower", better), ("greater", worse))
                    if counts
                )
                + "."
            )
        elif own:
            yield f"{row}: no difference is shown with any number of subjects."


def _opponents(curves: Sequence[PairCurve]) -> Iterator[tuple[PairCurve, PairCurve]]:
    """Yield every two curves that are held against one another: what has more pairs or more images comes first."""
    order: tuple[tuple[PairKind, PairKind], ...] = (
        ("pairs", "no pairs"),
        ("half-paired", "pairs"),
        ("half-paired", "no pairs"),
    )
    for first, second in order:
        for ours in (curve for curve in curves if curve.kind == first):
            for theirs in (curve for curve in curves if curve.kind == second):
                yield ours, theirs


def _row(curve: PairCurve) -> str:
    return f"{curve.row}, {curve.kind}"
