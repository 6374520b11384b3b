"""Figures of steps: how large they are along each axis, and along which axis whole slices are off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from transmodal.counts import counted
from transmodal.evaluation.drawing.words import p_value
from transmodal.evaluation.statistics.bootstrap import Interval, Values
from transmodal.evaluation.statistics.paired_tests import holm, paired_by_run
from transmodal.experiments.study.matrices import Seeds, mean_figure, values_of
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyTable
from transmodal.experiments.study.studies.consistency.steps import AXES
from transmodal.experiments.study.units import Content

STEPS, FLICKER = "Steps from slice to slice", "Whole slices that are off"
ERROR, SIZE, OFFSET, RATIO = (
    "step of the error",
    "step / target's",
    "offset of slices",
    "against the other axes",
)
NO_PAIRS = "no two slices share enough of the mask"
NO_ERROR = "nothing is off"
TABLES = (
    StudyTable(
        name=FLICKER,
        caption="Offset of slices: by how much the mean error of a slice differs from that of its neighbour, root mean square "
        "over the slices. Against the other axes: that offset over the geometric mean of those along the other two axes; 1 is "
        "no axis of its own, above 1 slices of this axis are off one by one. 95 % intervals over subjects and seeds; p of a "
        "paired Wilcoxon test of the logarithms, Holm-corrected.",
        group_heading="axis",
        decimals=4,
    ),
    StudyTable(
        name=STEPS,
        caption="Mean size of the step of the error from a voxel to the next along the axis; and of the step of the synthetic "
        "image over that of the target: 1 is right, below 1 the image is smoother along the axis, above 1 rougher.",
        group_heading="axis",
        decimals=4,
    ),
)
CHART = StudyChart(
    table=FLICKER,
    figure=RATIO,
    caption="Offset of slices along an axis over that along the other two (95 % interval over subjects and seeds). Dashed: alike.",
    reference=1.0,
)


class StepRow(NamedTuple):
    """The measured cases of one row.

    Attributes:
        row: of the runs, and of the way in which they translated.
        unit: of the values.
        axes: that it passes over.
        seeds: contents of the cases by run.
    """

    row: str
    unit: str
    axes: tuple[str, ...]
    seeds: Seeds


class AxisFlicker(NamedTuple):
    """The offset of slices of a row along one axis, against the other two.

    Attributes:
        row: of the runs.
        axis: of the slices.
        ratio: geometric mean over subjects.
        interval: of the ratio; None below six subjects.
        p: of a paired test, corrected.
        n: subjects.
    """

    row: str
    axis: str
    ratio: float
    interval: Interval | None
    p: float | None
    n: int

    @property
    def is_off(self) -> bool:
        """Whether slices of this axis are shown to be off more than those of the others."""
        return self.interval is not None and self.interval.low > 1


def take_flicker(rows: Sequence[StepRow]) -> list[AxisFlicker]:
    """Return the offsets of every row and axis against the other axes, tests corrected for their number."""
    flickers = []
    for row in rows:
        logs = {axis: values_of(row.seeds, _log_offset(axis)) for axis in AXES}
        valid_logs = {axis: values for axis, values in logs.items() if values is not None}
        if len(valid_logs) < len(AXES):
            continue
        for axis, own in valid_logs.items():
            other_logs = [values for other_axis, values in valid_logs.items() if other_axis != axis]
            flickers.append(_compare(row.row, axis, own, (other_logs[0] + other_logs[1]) / 2))
    corrected = holm([flicker.p for flicker in flickers])
    return [flicker._replace(p=p) for flicker, p in zip(flickers, corrected, strict=True)]


def step_figures(rows: Sequence[StepRow], flickers: Sequence[AxisFlicker]) -> Iterator[StudyFigure]:
    """Yield the figures of both tables."""
    by_place = {(flicker.row, flicker.axis): flicker for flicker in flickers}
    for row in rows:
        for axis in AXES:
            place = StudyFigure(table=FLICKER, row=row.row, group=axis, figure=OFFSET, value=None)
            offsets = values_of(row.seeds, _step(axis, "offset"))
            yield mean_figure(place.model_copy(update={"note": row.unit}), offsets, NO_PAIRS)
            yield _ratio(place, by_place.get((row.row, axis)))
    for row in rows:
        for axis in AXES:
            place = StudyFigure(table=STEPS, row=row.row, group=axis, figure=ERROR, value=None, note=row.unit)
            yield mean_figure(place, values_of(row.seeds, _step(axis, "error")), NO_PAIRS)
            sizes = values_of(row.seeds, _relative(axis))
            yield mean_figure(place.model_copy(update={"figure": SIZE, "note": ""}), sizes, NO_PAIRS)


def write_headline(rows: Sequence[StepRow], flickers: Sequence[AxisFlicker]) -> str:
    """Say how many rows that pass over one axis are off along it, and how many of those that pass over three."""
    off = {(flicker.row, flicker.axis) for flicker in flickers if flicker.is_off}
    single = [row for row in rows if len(row.axes) == 1]
    several = [row for row in rows if len(row.axes) > 1]
    n_single = sum((row.row, row.axes[0]) in off for row in single)
    n_several = sum(any((row.row, axis) in off for axis in AXES) for row in several)
    parts = [
        f"of {counted(len(single), 'translation')} along one axis {n_single} leave whole slices off along it, beyond the other "
        "axes"
    ]
    if several:
        parts.append(f"of {counted(len(several), 'translation')} with fused planes {n_several} do along any")
    return f"{'; '.join(parts)}.".capitalize()


def write_sentences(rows: Sequence[StepRow], flickers: Sequence[AxisFlicker]) -> Iterator[str]:
    """Say of every row along which axes slices are off."""
    for row in rows:
        own = [flicker for flicker in flickers if flicker.row == row.row]
        off = [flicker for flicker in own if flicker.is_off]
        if not own:
            yield f"{row.row}: nothing is off, or slices share too little of the mask."
        elif not off:
            yield f"{row.row}: slices of no axis are shown to be off more than those of the others."
        else:
            parts = [
                f"{flicker.axis} ({flicker.ratio:.2f} times the offset along the others, p {p_value(flicker.p)})"
                for flicker in off
            ]
            yield f"{row.row}: whole slices are off along {' and '.join(parts)}."


def spacing_note(rows: Sequence[StepRow]) -> str:
    """Return a note where voxels are not cubic, so that steps along the axes are of other lengths; else nothing."""
    spacings = [case["spacing_mm"] for row in rows for cases in row.seeds for case in cases]
    stretch = max(max(spacing.values()) / min(spacing.values()) for spacing in spacings)
    if stretch < 1.2:
        return ""
    return (
        f"Voxels are up to {stretch:.1f} times as long along one axis as along another: steps along it are longer, so offsets "
        "are greater there without any fault of the translation."
    )


def _compare(row: str, axis: str, own: Values, other_logs: Values) -> AxisFlicker:
    difference = paired_by_run(own, other_logs)
    ends = difference.interval
    return AxisFlicker(
        row,
        axis,
        float(np.exp(difference.mean)),
        None if ends is None else Interval(float(np.exp(ends.low)), float(np.exp(ends.high))),
        difference.p,
        difference.n,
    )


def _ratio(place: StudyFigure, flicker: AxisFlicker | None) -> StudyFigure:
    if flicker is None:
        return place.model_copy(update={"figure": RATIO, "note": NO_ERROR})
    changes = {
        "figure": RATIO,
        "value": flicker.ratio,
        "interval": flicker.interval,
        "n": flicker.n,
        "p": flicker.p,
    }
    return StudyFigure.model_validate({**place.model_dump(), **changes})


def _step(axis: str, key: str) -> Callable[[Content], float | None]:
    def pick(case: Content) -> float | None:
        return float(case["steps"][axis][key]) if axis in case["steps"] else None

    return pick


def _relative(axis: str) -> Callable[[Content], float | None]:
    def pick(case: Content) -> float | None:
        steps = case["steps"].get(axis)
        return steps["size"] / steps["target"] if steps and steps["target"] > 0 else None

    return pick


def _log_offset(axis: str) -> Callable[[Content], float | None]:
    def pick(case: Content) -> float | None:
        steps = case["steps"].get(axis)
        # Below a millionth of the target's own steps lies rounding, which has no axis to speak of.
        is_off = steps is not None and steps["offset"] > 1e-6 * steps["target"]
        return float(np.log(steps["offset"])) if is_off else None

    return pick
