"""Charts as HTML and inline SVG: curves over training steps, and one dot per case."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import NamedTuple

from transmodal.errors import TransmodalError
from transmodal.storage import regular

_WIDTH, _HEIGHT = 300.0, 120.0
_MOST_POINTS = 400


class Curve(NamedTuple):
    """One curve.

    Attributes:
        run: name of the run; it says the colour.
        points: pairs of step and value.
    """

    run: str
    points: list[tuple[float, float]]


def read_curves(files: Mapping[str, Path]) -> dict[str, list[Curve]]:
    """Read the curves of runs from CSV files with the columns step, name and value.

    Args:
        files: by name of the run. A file without these columns, or a row without numbers, is passed over:
            curves are an ornament of the report, never a reason not to write it.

    Returns:
        By name of the curve, the runs that have it.
    """
    by_name: dict[str, list[Curve]] = {}
    for run, path in files.items():
        curves: dict[str, list[tuple[float, float]]] = {}
        for name, step, value in _rows(path):
            curves.setdefault(name, []).append((step, value))
        for name, points in curves.items():
            by_name.setdefault(name, []).append(Curve(run, points))
    return by_name


def line_chart(name: str, curves: Sequence[Curve], runs: Sequence[str]) -> str:
    """Draw curves of one name as a small chart.

    Args:
        name: of the curve.
        curves: one per run.
        runs: all runs, in the order of their colours.
    """
    steps = [step for curve in curves for step, _ in curve.points]
    low, high = _limits([value for curve in curves for _, value in curve.points])
    first, last = min(steps), max(steps)

    def place(step: float, value: float) -> str:
        x = (step - first) / ((last - first) or 1) * _WIDTH
        return f"{x:.1f},{_HEIGHT - (value - low) / (high - low) * _HEIGHT:.1f}"

    lines = [
        f'<polyline class="run{runs.index(curve.run) % 6}" points="'
        f'{" ".join(place(*point) for point in _thinned(curve.points))}"/>'
        for curve in curves
    ]
    marks = [
        f'<circle class="run{runs.index(curve.run) % 6}" cx="{x}" cy="{y}" r="3"/>'
        for curve in curves
        if len(curve.points) == 1
        for x, y in [place(*curve.points[0]).split(",")]
    ]
    return plot_figure(
        name,
        "".join(lines + marks),
        (_WIDTH, _HEIGHT),
        description=f"{name} over steps {first:g} to {last:g}",
        across=(f"{first:g}", f"step {last:g}"),
        up=(f"{low:.3g}", f"{high:.3g}"),
    )


def plot_figure(
    title: str,
    drawing: str,
    size: tuple[float, float],
    *,
    description: str,
    across: tuple[str, str],
    up: tuple[str, str] | None = None,
) -> str:
    """Return a drawing with its caption and the ends of its axes.

    Args:
        title: plain text, the caption.
        drawing: SVG elements.
        size: width and height of the drawing in its own units; it is stretched to the place that it has.
        description: plain text, for who does not see it.
        across: plain text, the ends of the horizontal axis.
        up: the ends of the vertical axis, the lower first; None shows none.
    """
    width, height = size
    ticks = (
        ""
        if up is None
        else f'<span class="tick top">{escape(up[1])}</span><span class="tick bottom">{escape(up[0])}</span>'
    )
    return (
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption><div class="plot">{ticks}'
        f'<svg viewBox="0 0 {width:g} {height:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(description)}">{drawing}</svg></div>'
        f'<div class="steps"><span>{escape(across[0])}</span><span>{escape(across[1])}</span></div></figure>'
    )


def dot_plot(groups: Mapping[str, Sequence[tuple[str, float]]], text: str, muted: Iterable[str]) -> str:
    """Draw one row per translator, one dot per case, and a bar at the mean.

    Args:
        groups: pairs of case and figure, by translator.
        text: what the axis shows, with its unit.
        muted: translators to set back.
    """
    finite = {
        name: [(case, value) for case, value in values if math.isfinite(value)]
        for name, values in groups.items()
    }
    low, high = _limits([value for values in finite.values() for _, value in values])
    rows = []
    for name, values in finite.items():
        dots = [
            f'<i style="left:{_share(value, low, high):.2f}%" title="{escape(case)}: {value:.4g}"></i>'
            for case, value in values
        ]
        if values:
            mean = math.fsum(value for _, value in values) / len(values)
            dots.append(f'<b style="left:{_share(mean, low, high):.2f}%" title="mean: {mean:.4g}"></b>')
        kind = ' class="muted"' if name in muted else ""
        rows.append(
            f'<div{kind}><span class="name">{escape(name)}</span><span class="track">{"".join(dots)}</span></div>'
        )
    axis = f'<div class="axis"><span class="name"></span><span>{low:.3g}</span><span>{escape(text)}</span><span>{high:.3g}</span></div>'
    return f'<div class="dots">{"".join(rows)}{axis}</div>'


def _rows(path: Path) -> Iterable[tuple[str, float, float]]:
    try:
        records = list(csv.DictReader(regular.read_text(path).splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error, TransmodalError):
        return
    for record in records:
        with suppress(KeyError, TypeError, ValueError):
            step, value, phase = float(record["step"]), float(record["value"]), record.get("phase")
            if record["name"] and math.isfinite(step) and math.isfinite(value):
                name = f"{phase}: {record['name']}" if phase and phase != "train" else record["name"]
                yield name, step, value


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.06 * (high - low) or max(abs(high) * 0.1, 1e-6)
    return low - margin, high + margin


def _share(value: float, low: float, high: float) -> float:
    return 100 * (value - low) / (high - low)


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Average neighbouring points where there are more than a chart can show."""
    size = math.ceil(len(points) / _MOST_POINTS)
    if size == 1:
        return points
    parts = [points[n : n + size] for n in range(0, len(points), size)]
    return [tuple(math.fsum(column) / len(part) for column in zip(*part, strict=True)) for part in parts]  # type: ignore[misc]  # pairs stay pairs
