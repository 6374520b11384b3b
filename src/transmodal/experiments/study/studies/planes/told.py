"""Networks that are told the plane of a slice against those of the same translator that are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from transmodal.evaluation.drawing.words import enumerated
from transmodal.evaluation.statistics.paired_tests import Difference, holm, paired
from transmodal.experiments.study.matrices import values_of
from transmodal.experiments.study.record import StudyFigure, StudyTable
from transmodal.experiments.study.studies.planes.figures import NAMES, PlaneRow, of_volume
from transmodal.experiments.study.studies.planes.passes import FUSED, PLANES

TOLD, LESS = "Told its plane against not told", "MAE less"
TABLE = StudyTable(
    name=TOLD,
    caption="Mean absolute error of a network that is told along which axis a slice lies less that of the same translator which is "
    "not: below 0 knowing the plane helps. 95 % intervals over subjects and seeds; p of a paired Wilcoxon test, Holm-corrected.",
    group_heading="plane",
    decimals=4,
)


class ToldChange(NamedTuple):
    """The change in the error of one pass by knowing the plane.

    Attributes:
        row: both rows, the one that is told first.
        name: of the pass.
        difference: told less not told, over subjects.
        p: Holm-corrected.
        unit: of the error.
    """

    row: str
    name: str
    difference: Difference
    p: float | None
    unit: str


def take_changes(rows: Sequence[PlaneRow]) -> list[ToldChange]:
    """Return the changes of every two rows of one translator, of which one is told its plane; none without such rows."""
    changes = []
    for ours in (row for row in rows if row.is_told):
        for theirs in (row for row in rows if not row.is_told and row.translator == ours.translator):
            for name in (*PLANES, FUSED):
                told, blind = (values_of(row.seeds, of_volume(name, "mae")) for row in (ours, theirs))
                assert told is not None  # every case has an error
                assert blind is not None
                both = f"{ours.row} against {theirs.row}"
                changes.append(ToldChange(both, name, paired(told, blind), None, ours.unit))
    corrected = holm([change.difference.p for change in changes])
    return [change._replace(p=p) for change, p in zip(changes, corrected, strict=True)]


def draw_changes(changes: Sequence[ToldChange]) -> list[StudyFigure]:
    """Return the changes as figures."""
    return [
        StudyFigure(
            table=TOLD,
            row=change.row,
            group=NAMES[change.name],
            figure=LESS,
            value=change.difference.mean,
            interval=change.difference.interval,
            n=change.difference.n,
            p=change.p,
            note=change.unit,
        )
        for change in changes
    ]


def tell_changes(changes: Sequence[ToldChange]) -> list[str]:
    """Say of every two rows in which passes knowing the plane is shown to lower or to raise the error."""
    sentences = []
    for row in dict.fromkeys(change.row for change in changes):
        own = [change for change in changes if change.row == row]
        words = ((-1, "lower"), (1, "greater"), (0, "not shown to differ"))
        parts = [
            f"{word} for {enumerated(names)}"
            for direction, word in words
            if (names := [change.name for change in own if _direction(change) == direction])
        ]
        sentences.append(f"{row}, told its plane and not told: the error is {'; '.join(parts)}.")
    return sentences


def _direction(change: ToldChange) -> int:
    ends = change.difference.interval
    return 0 if ends is None else int(ends.low > 0) - int(ends.high < 0)
