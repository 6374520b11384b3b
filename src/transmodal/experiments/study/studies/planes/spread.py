"""Spread between planes against error: does it rank voxels and subjects by where the translation is wrong?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from transmodal.evaluation.statistics.association import Estimate, associate
from transmodal.evaluation.statistics.bootstrap import Interval, Values
from transmodal.evaluation.statistics.paired_tests import Difference, describe, holm, paired_by_run
from transmodal.experiments.study.matrices import mean_figure, values_of
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.planes.figures import PlaneRow
from transmodal.experiments.study.studies.planes.passes import FUSED
from transmodal.experiments.study.units import Content
from transmodal.metrics.uncertainty import PARTS

SPREAD, TENTHS = "Spread against error", "Error by tenth of the spread"
RANKS, EDGES, ABOVE, SUBJECTS = "rank correlation", "of edges", "above edges", "r over subjects"
AUSE, AUSE_EDGES, AUSE_RANDOM = "AUSE", "AUSE of edges", "AUSE at random"
ERROR, OWN_SPREAD, SHARE = "error", "spread", "error / mean error"
FLAT = "planes agree, or err, at every voxel alike"
TABLES = (
    StudyTable(
        name=SPREAD,
        caption="Rank correlation over voxels of the spread between planes with the absolute error of the fused volume: 0 says "
        "nothing, 1 finds every error. Of edges: the same with the slope of the fused image, which needs no second plane; above "
        "edges: the difference of both, p of a paired Wilcoxon test, Holm-corrected. AUSE: area under the sparsification "
        "error, lower is better. r over subjects: correlation of a subject's mean spread with its error. 95 % intervals.",
        decimals=3,
    ),
    StudyTable(
        name=TENTHS,
        caption="Voxels of each subject in ten equal parts, those of least spread first: mean spread and mean error of the part, "
        "and its error as a multiple of the subject's mean error.",
        group_heading="tenth",
        decimals=4,
        is_detail=True,
    ),
)
CHARTS = (
    StudyChart(
        table=TENTHS,
        figure=SHARE,
        kind="curves",
        caption="Error by tenth of the spread between planes, as a multiple of the mean error (95 % interval over subjects). "
        "Flat at 1: the spread tells nothing.",
        reference=1.0,
    ),
    StudyChart(
        table=SPREAD,
        figure=RANKS,
        caption="Rank correlation of spread and error over voxels (95 % interval over subjects and seeds). Dashed: none.",
        reference=0.0,
    ),
)


class SpreadQuality(NamedTuple):
    """How well the spread of a row shows its errors.

    Attributes:
        row: of the runs.
        ranks: rank correlation over voxels, `(seeds, patients)`; None where a case has none.
        edges: likewise, of the image's edges.
        above: the first less the second; None where one of them is.
        p: of that difference, corrected.
        subjects: correlation over subjects.
        share: error as a multiple of the mean by tenth, `(seeds, patients)` each; None where a case has no error.
    """

    row: str
    ranks: Values | None
    edges: Values | None
    above: Difference | None
    p: float | None
    subjects: Estimate
    share: tuple[Values, ...] | None

    @property
    def interval(self) -> Interval | None:
        """Of the mean rank correlation."""
        return None if self.ranks is None else describe(self.ranks).of_mean

    @property
    def is_telling(self) -> bool:
        """Whether voxels of more spread are shown to err more."""
        return self.interval is not None and self.interval.low > 0

    @property
    def is_above_edges(self) -> bool:
        """Whether it is shown to tell more than the edges of the image do."""
        ends = None if self.above is None else self.above.interval
        return self.is_telling and ends is not None and ends.low > 0


def judge(rows: Sequence[PlaneRow]) -> list[SpreadQuality]:
    """Return how well the spread of every row shows its errors, tests corrected for their number."""
    qualities = [_judge(row) for row in rows]
    corrected = holm([None if quality.above is None else quality.above.p for quality in qualities])
    return [quality._replace(p=p) for quality, p in zip(qualities, corrected, strict=True)]


def spread_figures(rows: Sequence[PlaneRow], qualities: Sequence[SpreadQuality]) -> Iterator[StudyFigure]:
    """Yield the figures of every row's spread, then its errors by tenth."""
    for row, quality in zip(rows, qualities, strict=True):
        yield mean_figure(_place(row, RANKS), quality.ranks, FLAT)
        yield mean_figure(_place(row, EDGES), quality.edges, FLAT)
        yield _above(row, quality)
        for heading, kind, key in (
            (AUSE, "planes", "ause"),
            (AUSE_EDGES, "edges", "ause"),
            (AUSE_RANDOM, "planes", "ause of a random order"),
        ):
            yield mean_figure(_place(row, heading), values_of(row.seeds, _of_spread(kind, key)), FLAT)
        yield StudyFigure.model_validate(
            {
                **_place(row, SUBJECTS).model_dump(),
                "value": quality.subjects.value,
                "interval": quality.subjects.interval,
                "n": _patients(row),
                "note": "" if quality.subjects.value is not None else "spread or error is the same in all",
            }
        )
    for row, quality in zip(rows, qualities, strict=True):
        yield from _tenths(row, quality)


def _judge(row: PlaneRow) -> SpreadQuality:
    ranks, edges = (values_of(row.seeds, _of_spread(kind, "spearman")) for kind in ("planes", "edges"))
    return SpreadQuality(
        row.row,
        ranks,
        edges,
        None if ranks is None or edges is None else paired_by_run(ranks, edges),
        None,
        _over_subjects(row),
        _shares(row),
    )


def _over_subjects(row: PlaneRow) -> Estimate:
    """Return the correlation of subjects' mean spread with their error, both averaged over seeds."""
    spread = values_of(row.seeds, _of_spread("planes", "mean"))
    error = values_of(row.seeds, lambda case: float(case["volumes"][FUSED]["mae"]))
    assert spread is not None
    assert error is not None
    if spread.shape[1] < 3:
        return Estimate(None)
    of_error, of_spread = error.mean(axis=0)[:, None], spread.mean(axis=0)[None, :, None]
    return associate(of_error, of_spread).regions[0]["Pearson r"]


def _shares(row: PlaneRow) -> tuple[Values, ...] | None:
    def share_of(tenth: int) -> Callable[[Content], float | None]:
        def pick(case: Content) -> float | None:
            errors = case["spread"]["planes"]["error by tenth"]
            mean = sum(errors) / PARTS
            return errors[tenth] / mean if mean > 0 else None

        return pick

    shares = [values_of(row.seeds, share_of(tenth)) for tenth in range(PARTS)]
    whole = tuple(share for share in shares if share is not None)
    return whole if len(whole) == PARTS else None


def _tenths(row: PlaneRow, quality: SpreadQuality) -> Iterator[StudyFigure]:
    def mean_of(key: str, tenth: int) -> Values | None:
        return values_of(row.seeds, lambda case: float(case["spread"]["planes"][key][tenth]))

    for tenth in range(PARTS):
        place = StudyFigure(table=TENTHS, row=row.row, group=str(tenth + 1), figure=OWN_SPREAD, value=None)
        yield mean_figure(place, mean_of("spread by tenth", tenth), "")
        yield mean_figure(place.model_copy(update={"figure": ERROR}), mean_of("error by tenth", tenth), "")
        share = None if quality.share is None else quality.share[tenth]
        yield mean_figure(place.model_copy(update={"figure": SHARE}), share, "nothing errs")


def _above(row: PlaneRow, quality: SpreadQuality) -> StudyFigure:
    place, difference = _place(row, ABOVE), quality.above
    if difference is None:
        return place.model_copy(update={"note": FLAT})
    changes = {
        "value": difference.mean,
        "interval": difference.interval,
        "n": difference.n,
        "p": quality.p,
    }
    return StudyFigure.model_validate({**place.model_dump(), **changes})


def _place(row: PlaneRow, figure: str) -> StudyFigure:
    return StudyFigure(table=SPREAD, row=row.row, figure=figure, value=None)


def _patients(row: PlaneRow) -> int:
    return int(np.unique([str(case["patient"]) for case in row.seeds[0]]).size)


def _of_spread(kind: str, key: str) -> Callable[[Content], float | None]:
    def pick(case: Content) -> float | None:
        value: float | None = case["spread"][kind][key]
        return value

    return pick
