"""The coverage of intervals as figures: voxels, widths, regional means and the worst subject, by group and level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from transmodal.evaluation.statistics.bootstrap import Interval, Values
from transmodal.evaluation.statistics.paired_tests import describe
from transmodal.experiments.study.matrices import over_patients
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.units import Content

VOXELS, REGIONS = "Voxels inside their interval", "Regional means inside their interval"
COVERED, WIDTH, WORST = "share inside", "mean width", "worst subject"
TABLES = (
    StudyTable(
        name=VOXELS,
        caption="Share of the region's voxels whose measured value lies between lower and upper volume, mean over subjects with a "
        "95 % interval; the width of the interval in the target's unit; the share in the subject where it is least. Good is a "
        "share at the stated level or a little above.",
        group_heading="subjects, stated level",
        decimals=3,
    ),
    StudyTable(
        name=REGIONS,
        caption="Share of regional means, over all regions and subjects, that lie within their interval; mean over subjects with "
        "a 95 % interval.",
        group_heading="subjects, stated level",
        decimals=3,
    ),
)


class GroupCoverage(NamedTuple):
    """The coverage of intervals of one level in one group of subjects.

    Attributes:
        row: of the runs.
        group: name of the subjects.
        level: stated.
        mean: share of voxels inside, over subjects and runs.
        interval: of the mean; None below six subjects.
        n: subjects.
        width: mean of the intervals.
        worst: share in the subject where it is least.
        regions: share of regional means inside, by subject; None without regions.
    """

    row: str
    group: str
    level: float
    mean: float
    interval: Interval | None
    n: int
    width: float
    worst: float
    regions: Values | None

    @property
    def holds(self) -> bool:
        """Whether the share is as stated: misses are between a fifth of those stated and twice as many."""
        least, most = band(self.level)
        return least <= self.mean <= most

    @property
    def place(self) -> str:
        """The group and the level, as tables say it."""
        return f"{self.group}, {100 * self.level:g} %"


def band(level: float) -> tuple[float, float]:
    """Return between which shares a level counts as held: 0.90 and 0.99 for 0.95."""
    return 1 - 2 * (1 - level), 1 - (1 - level) / 5


def take(row: str, runs: Sequence[Content]) -> list[GroupCoverage]:
    """Return what every level holds of every group, over the runs of a row."""
    groups = dict.fromkeys(case["group"] for case in runs[0]["cases"])
    return [_take(row, runs, group, level) for group in groups for level in runs[0]["levels"]]


def chart(level: float) -> StudyChart:
    """Return the drawing of the shares, with a line at a stated level."""
    return StudyChart(
        table=VOXELS,
        figure=COVERED,
        caption=f"Share of voxels inside their interval (95 % interval over subjects); the line is at {100 * level:g} %.",
        reference=level,
    )


def figures(coverages: Sequence[GroupCoverage], unit: str) -> Iterator[StudyFigure]:
    """Yield the tables' figures."""
    for coverage in coverages:
        place = StudyFigure(
            table=VOXELS,
            row=coverage.row,
            group=coverage.place,
            figure=COVERED,
            value=coverage.mean,
            n=coverage.n,
        )
        note = "" if coverage.holds else "not as stated"
        yield place.model_copy(
            update={"interval": None if coverage.interval is None else tuple(coverage.interval), "note": note}
        )
        yield place.model_copy(update={"figure": WIDTH, "value": coverage.width, "note": unit})
        yield place.model_copy(update={"figure": WORST, "value": coverage.worst})
        if coverage.regions is not None:
            of_regions = describe(coverage.regions)
            yield StudyFigure(
                table=REGIONS,
                row=coverage.row,
                group=coverage.place,
                figure=COVERED,
                value=of_regions.mean,
                interval=of_regions.of_mean,
                n=of_regions.n,
            )


def _take(row: str, runs: Sequence[Content], group: str, level: str) -> GroupCoverage:
    cases = [[case for case in run["cases"] if case["group"] == group] for run in runs]
    covered = _matrix_of(cases, lambda case: case["levels"][level]["covered"])
    described = describe(covered)
    regions = None
    if all(case["levels"][level]["regions"] for run in cases for case in run):
        regions = _matrix_of(
            cases, lambda case: float(np.mean(list(case["levels"][level]["regions"].values())))
        )
    return GroupCoverage(
        row,
        group,
        float(level),
        described.mean,
        described.of_mean,
        described.n,
        float(_matrix_of(cases, lambda case: case["levels"][level]["width"]).mean()),
        float(covered.mean(axis=0).min()),
        regions,
    )


def _matrix_of(runs: Sequence[Sequence[Content]], pick: Callable[[Content], float]) -> Values:
    """Return a figure as `(runs, patients)`, of several cases of a patient the mean."""
    return np.array([over_patients(cases, list(map(pick, cases))) for cases in runs], dtype=np.float64)
