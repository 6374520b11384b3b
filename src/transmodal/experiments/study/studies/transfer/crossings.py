"""Crossings: runs of two strata, each scored on both; what is left of the difference hangs on the stratum alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import Difference, describe, holm, paired
from transmodal.experiments.study.parts import PERCENT_OF_RANGE, PartResult
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.transfer.strata import TransferGroup

DROP, MATRIX = "The drop", "Where they learned, where they are scored"
RISE, LOSS = "rise in MAE", "loss of SSIM"
TABLES = (
    StudyTable(
        name=DROP,
        caption="Error of runs that learned from the other group less that of runs that learned from the subjects' own, over as "
        f"many subjects of one group as of the other, in {PERCENT_OF_RANGE}; and the SSIM lost by it. 95 % intervals over "
        "subjects and seeds; p of a paired Wilcoxon test, Holm-corrected. 0 is good: the groups do not matter.",
        group_heading="groups",
        decimals=3,
    ),
    StudyTable(
        name=MATRIX,
        caption=f"Mean over the scored subjects of every training group, with 95 % intervals; MAE in {PERCENT_OF_RANGE}.",
        group_heading="learned, scored",
        decimals=3,
        is_detail=True,
    ),
)
CHART = StudyChart(
    table=DROP,
    figure=RISE,
    caption=f"Rise in MAE on subjects of a group that a run did not learn from, in {PERCENT_OF_RANGE}, with 95 % intervals.",
    reference=0.0,
)

Place = tuple[str, str, str]
"""Row, column and name of a stratum."""


class Crossing(NamedTuple):
    """Two strata of a column, and the runs of one recipe that learned from each.

    Attributes:
        row: of the recipe.
        ours: a stratum.
        theirs: another one of the same column.
        of_ours: runs that learned from the first.
        of_theirs: runs that learned from the second.
    """

    row: str
    ours: TransferGroup
    theirs: TransferGroup
    of_ours: PartResult
    of_theirs: PartResult

    @property
    def name(self) -> str:
        """The crossing in words."""
        return f"{self.ours.column}: {self.ours.name} and {self.theirs.name}"

    def difference(self, metric: str) -> Difference:
        """Return learned elsewhere less learned there, over as many subjects of the one stratum as of the other.

        A training that went better than the other is better on both strata, and cancels out: what is left hangs on
        whether a run knows the stratum.
        """
        n = min(len(self.ours.test), len(self.theirs.test))
        ours, theirs = self.ours.test[:n], self.theirs.test[:n]

        def join(first: PartResult, second: PartResult) -> Values:
            return np.concatenate([first.values(metric, ours), second.values(metric, theirs)], axis=1)

        return paired(join(self.of_theirs, self.of_ours), join(self.of_ours, self.of_theirs))


def cross(
    rows: Sequence[str], columns: Sequence[Sequence[TransferGroup]], results: Mapping[Place, PartResult]
) -> list[Crossing]:
    """Return the crossings of every two strata of a column, of every row."""
    return [
        Crossing(
            row, ours, theirs, results[row, ours.column, ours.name], results[row, theirs.column, theirs.name]
        )
        for row in rows
        for strata in columns
        for ours, theirs in combinations(strata, 2)
    ]


def draw_drops(crossings: Sequence[Crossing]) -> list[StudyFigure]:
    """Return the figures of the drop, tested and corrected for all crossings of a metric."""
    figures = []
    for metric, heading, sign in (("mae", RISE, 1), ("ssim", LOSS, -1)):
        differences = [crossing.difference(metric) for crossing in crossings]
        corrected = holm([difference.p for difference in differences])
        for crossing, difference, p in zip(crossings, differences, corrected, strict=True):
            ends = difference.interval
            figures.append(
                StudyFigure(
                    table=DROP,
                    row=crossing.row,
                    group=crossing.name,
                    figure=heading,
                    value=sign * difference.mean,
                    interval=None
                    if ends is None
                    else (ends.low, ends.high)
                    if sign > 0
                    else (-ends.high, -ends.low),
                    n=difference.n,
                    p=p,
                )
            )
    return figures


def draw_matrix(
    rows: Sequence[str], columns: Sequence[Sequence[TransferGroup]], results: Mapping[Place, PartResult]
) -> Iterator[StudyFigure]:
    """Return the mean figures of every training stratum on every scored one."""
    for row in rows:
        for strata in columns:
            for learned in strata:
                for scored in strata:
                    for metric, heading in (("mae", "MAE"), ("ssim", "SSIM")):
                        values = results[row, learned.column, learned.name].values(metric, scored.test)
                        description = describe(values)
                        yield StudyFigure(
                            table=MATRIX,
                            row=row,
                            group=f"{learned.column}: {learned.name}, {scored.name}",
                            figure=heading,
                            value=description.mean,
                            interval=description.of_mean,
                            n=description.n,
                        )


def tell(drops: Sequence[StudyFigure]) -> Iterator[str]:
    """Return what the rises in error say, in sentences."""
    for figure in drops:
        if figure.figure != RISE or figure.value is None:
            continue
        place = f"{figure.row}, {figure.group}"
        if figure.interval is None:
            yield f"{place}: too few subjects to say whether it matters where a run learned."
        elif figure.interval[0] > 0:
            low, high = figure.interval
            yield (
                f"{place}: on the group that a run did not learn from the error is {figure.value:.2f} (95 % interval {low:.2f} to "
                f"{high:.2f}) {PERCENT_OF_RANGE} greater."
            )
        else:
            yield f"{place}: no drop is shown on the group that a run did not learn from."
