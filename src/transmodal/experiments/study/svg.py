"""Charts of a record as SVG that stands alone: a dot and its interval per line, or curves over what is varied.

Colours are the house's, light and dark; text is text, so that it can be searched and read aloud.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from transmodal.evaluation.drawing.words import number
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyRecord

_WIDTH, _LABELS, _EDGE = 760.0, 250.0, 24.0
_LINE, _TOP, _FOOT, _TITLE = 20.0, 14.0, 34.0, 18.0
_CURVES = 300.0
_COLOURS = (
    ("#0b6e69", "#63c7bd"),
    ("#c2591b", "#f0995a"),
    ("#4658a9", "#93a4f0"),
    ("#8a3f78", "#d48cc2"),
    ("#5d7a1f", "#b0cc6a"),
    ("#6b6b6b", "#a8a8a8"),
)
_STYLE = (
    ".study-chart text{font:12px ui-sans-serif,system-ui,'DejaVu Sans',sans-serif;fill:#5d6570}"
    ".study-chart line,.study-chart polyline{fill:none;stroke-width:2}"
    ".study-chart .axis{stroke:#c9c5bc;stroke-width:1}.study-chart .reference{stroke:#9a5b00;stroke-width:1;"
    "stroke-dasharray:4 3}"
    + "".join(
        f".study-chart .c{n}{{stroke:{light};fill:{light}}}.study-chart polyline.c{n}{{fill:none}}"
        for n, (light, _) in enumerate(_COLOURS)
    )
    + "@media (prefers-color-scheme:dark){.study-chart text{fill:#9aa2ad}.study-chart .axis{stroke:#3a3f47}"
    + "".join(
        f".study-chart .c{n}{{stroke:{dark};fill:{dark}}}.study-chart polyline.c{n}{{fill:none}}"
        for n, (_, dark) in enumerate(_COLOURS)
    )
    + "}"
)


class _Axis(NamedTuple):
    """A linear axis: values `low` to `high` on pixels `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def draw(record: StudyRecord, chart: StudyChart) -> str:
    """Return a chart as one SVG element.

    Args:
        record: whose figures are drawn; those without a value are left out.
        chart: of the record.
    """
    figures = [
        figure
        for figure in record.of_table(chart.table)
        if figure.figure == chart.figure and figure.value is not None
    ]
    make = _curves if chart.kind == "curves" else _intervals
    height, drawing = make(record, chart, figures)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="study-chart" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
        f'aria-label="{escape(chart.caption)}"><style>{_STYLE}</style>{drawing}</svg>'
    )


def _intervals(record: StudyRecord, chart: StudyChart, figures: Sequence[StudyFigure]) -> tuple[float, str]:
    rows = list(dict.fromkeys(figure.row for figure in figures))
    axis = _axis(chart, figures, _LABELS, _WIDTH - _EDGE)
    bottom = _TOP + _LINE * max(1, len(figures))
    middle = (axis.start + axis.end) / 2
    title = f'<text x="{middle:g}" y="{bottom + 34:g}" text-anchor="middle">{escape(_named(chart))}</text>'
    parts = [_horizontal(axis, bottom), title, _reference(chart, axis, bottom)]
    for n, figure in enumerate(figures):
        y, colour = _TOP + _LINE * (n + 0.5), f"c{rows.index(figure.row) % len(_COLOURS)}"
        label = f"{figure.row}: {figure.group}" if figure.group else figure.row
        parts.append(
            f'<text x="{_LABELS - 12:g}" y="{y + 4:.1f}" text-anchor="end">{escape(_short(label))}</text>'
        )
        if figure.interval is not None:
            low, high = (axis.at(end) for end in figure.interval)
            parts.append(f'<line class="{colour}" x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}"/>')
        value = float(figure.value or 0.0)
        parts.append(
            f'<circle class="{colour}" cx="{axis.at(value):.1f}" cy="{y:.1f}" r="4"><title>{escape(label)}: '
            f"{number(value)}</title></circle>"
        )
    return bottom + _FOOT + _TITLE, "".join(parts)


def _curves(record: StudyRecord, chart: StudyChart, figures: Sequence[StudyFigure]) -> tuple[float, str]:
    places = [(position(figure.group), figure) for figure in figures]
    rows = list(dict.fromkeys(figure.row for figure in figures))
    levels = [place for place, _ in places] or [0.0, 1.0]
    bottom = _TOP + max(_CURVES, _LINE * len(rows))  # a line of the legend for each
    across = _Axis(
        min(levels), max(levels) if max(levels) > min(levels) else min(levels) + 1, 70.0, _LABELS * 2.2
    )
    up = _axis(chart, figures, bottom, _TOP)
    parts = [
        _horizontal(across, bottom),
        _vertical(up, across, chart),
        _titles(record, chart, across, bottom),
    ]
    for n, row in enumerate(rows):
        colour = f"c{n % len(_COLOURS)}"
        own = [(place, figure) for place, figure in places if figure.row == row]
        parts.append(_curve(sorted(own, key=lambda pair: pair[0]), across, up, colour))
        y = _TOP + _LINE * (n + 0.5)
        parts.append(
            f'<circle class="{colour}" cx="{across.end + 30:.1f}" cy="{y:.1f}" r="4"/>'
            f'<text x="{across.end + 42:.1f}" y="{y + 4:.1f}">{escape(_short(row))}</text>'
        )
    return bottom + _FOOT + _TITLE, "".join(parts)


def _titles(record: StudyRecord, chart: StudyChart, across: _Axis, bottom: float) -> str:
    """Return what stands along both axes of curves: what is varied, and the column with its unit."""
    heading = next(table.group_heading for table in record.tables if table.name == chart.table)
    middle = (across.start + across.end) / 2
    x, y = _TOP, (bottom + _TOP) / 2
    return (
        f'<text x="{middle:g}" y="{bottom + 36:g}" text-anchor="middle">{escape(heading)}</text>'
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" transform="rotate(-90 {x:g} {y:g})">{escape(_named(chart))}</text>'
    )


def _named(chart: StudyChart) -> str:
    return f"{chart.figure}, {chart.unit}" if chart.unit else chart.figure


def _curve(points: Sequence[tuple[float, StudyFigure]], across: _Axis, up: _Axis, colour: str) -> str:
    corners = " ".join(f"{across.at(place):.1f},{up.at(figure.value or 0.0):.1f}" for place, figure in points)
    parts = [f'<polyline class="{colour}" points="{corners}"/>']
    for place, figure in points:
        x = across.at(place)
        if figure.interval is not None:
            low, high = (up.at(end) for end in figure.interval)
            parts.append(f'<line class="{colour}" x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}"/>')
        parts.append(f'<circle class="{colour}" cx="{x:.1f}" cy="{up.at(figure.value or 0.0):.1f}" r="3.5"/>')
    return "".join(parts)


def position(level: str) -> float:
    """Return the number that a level starts with, such as 5 of `5 voxels`; 0 where it has none."""
    try:
        return float(level.split()[0])
    except (ValueError, IndexError):
        return 0.0


def _axis(chart: StudyChart, figures: Sequence[StudyFigure], start: float, end: float) -> _Axis:
    ends = [end for figure in figures for end in (figure.interval or ())]
    ends += [figure.value or 0.0 for figure in figures]
    ends += [] if chart.reference is None else [chart.reference]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    margin = 0.05 * (high - low) or max(abs(high) * 0.1, 1e-6)
    return _Axis(low - margin, high + margin, start, end)


def _ticks(axis: _Axis) -> list[float]:
    """Return about five round numbers on an axis."""
    step = 10.0 ** math.floor(math.log10((axis.high - axis.low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (axis.high - axis.low) / (factor * step) <= 6)
    first = math.ceil(axis.low / step)
    return [n * step for n in range(first, math.floor(axis.high / step) + 1)]


def _horizontal(axis: _Axis, bottom: float) -> str:
    ticks = "".join(
        f'<text x="{axis.at(tick):.1f}" y="{bottom + 16:g}" text-anchor="middle">{number(tick)}</text>'
        for tick in _ticks(axis)
    )
    return (
        f'<line class="axis" x1="{axis.start:g}" y1="{bottom:g}" x2="{axis.end:g}" y2="{bottom:g}"/>{ticks}'
    )


def _vertical(axis: _Axis, across: _Axis, chart: StudyChart) -> str:
    x = across.start
    ticks = "".join(
        f'<text x="{x - 8:g}" y="{axis.at(tick) + 4:.1f}" text-anchor="end">{number(tick)}</text>'
        for tick in _ticks(axis)
    )
    line = ""
    if chart.reference is not None:
        y = axis.at(chart.reference)
        line = f'<line class="reference" x1="{x:g}" y1="{y:.1f}" x2="{across.end:g}" y2="{y:.1f}"/>'
    return f'<line class="axis" x1="{x:g}" y1="{axis.start:g}" x2="{x:g}" y2="{axis.end:g}"/>{ticks}{line}'


def _reference(chart: StudyChart, axis: _Axis, bottom: float) -> str:
    if chart.reference is None:
        return ""
    x = axis.at(chart.reference)
    return f'<line class="reference" x1="{x:.1f}" y1="{_TOP:g}" x2="{x:.1f}" y2="{bottom:g}"/>'


def _short(text: str) -> str:
    """Return a label that fits: of a long one beginning and end, since the end tells its lines apart."""
    return text if len(text) <= 38 else f"{text[:18].rstrip()}…{text[-19:].lstrip()}"
