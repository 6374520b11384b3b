"""Dose-volume histograms as one SVG: a colour for each structure, the reference drawn through, the evaluated dose dashed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.counts import counted
from transmodal.notice import INTENDED_USE

_WIDTH, _HEIGHT = 760.0, 470.0
_MARGIN, _TOP, _RIGHT, _BOTTOM = 58.0, 48.0, 200.0, 84.0
_MOST_TICKS = 7
_STYLE = """
:root { --paper: #fbfaf8; --ink: #1b1e23; --soft: #5d6570; --line: #e4e1da;
  --c0: #0b6e69; --c1: #c2591b; --c2: #4658a9; --c3: #8a3f78; --c4: #5d7a1f; --c5: #6b6b6b; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #121417; --ink: #e9e7e2; --soft: #9aa2ad; --line: #2c3036;
    --c0: #63c7bd; --c1: #f0995a; --c2: #93a4f0; --c3: #d48cc2; --c4: #b0cc6a; --c5: #a8a8a8; } }
text { font: 13px ui-sans-serif, system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink); }
.soft { fill: var(--soft); font-size: 12px; } .line { stroke: var(--line); }
polyline, .key { fill: none; stroke-width: 2; } .dashed { stroke-dasharray: 6 4; }
"""


class StructureHistogram(NamedTuple):
    """The histograms of one structure.

    Attributes:
        name: shown in the legend.
        reference: per cent of the volume at each dose.
        evaluated: the same of the evaluated dose.
    """

    name: str
    reference: NDArray[np.float64]
    evaluated: NDArray[np.float64]


def draw_histograms(doses_gy: NDArray[np.float64], histograms: Sequence[StructureHistogram]) -> str:
    """Return an SVG that stands by itself, light or dark as its reader's screen is.

    Args:
        doses_gy: from 0 up, ascending.
        histograms: one or more; colours begin anew after six, with thinner lines.
    """
    highest = float(doses_gy[-1]) or 1.0
    height = max(_HEIGHT, _TOP + 22.0 * (len(histograms) + 3) + _BOTTOM)
    plot = _Plot(highest, height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
        f'aria-label="Dose-volume histograms of {counted(len(histograms), "structure")}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH:g}" height="{height:g}" style="fill: var(--paper)"/>',
        f'<text x="{_MARGIN:g}" y="26" style="font-size: 16px; font-weight: 640">Dose-volume histograms</text>',
        *_axes(plot),
    ]
    for number, histogram in enumerate(histograms):
        parts += _curves(plot, number, doses_gy, histogram)
    parts += _legend(histograms)
    parts += _notice(height)
    return "\n".join([*parts, "</svg>", ""])


class _Plot(NamedTuple):
    """The place of the axes: the dose at their right end, and the height of the picture."""

    highest: float
    height: float

    def x(self, dose: float) -> float:
        return _MARGIN + dose / self.highest * (_WIDTH - _MARGIN - _RIGHT)

    def y(self, share: float) -> float:
        return _TOP + (100 - share) / 100 * (self.height - _TOP - _BOTTOM)


def _axes(plot: _Plot) -> Iterable[str]:
    for share in range(0, 101, 20):
        y = plot.y(share)
        yield f'<line class="line" x1="{_MARGIN:g}" x2="{plot.x(plot.highest):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="soft" x="{_MARGIN - 8:g}" y="{y + 4:.1f}" text-anchor="end">{share}</text>'
    step = _round_step(plot.highest / _MOST_TICKS)
    for dose in np.arange(0, plot.highest * (1 + 1e-9), step):
        x = plot.x(dose)
        yield f'<text class="soft" x="{x:.1f}" y="{plot.y(0) + 18:.1f}" text-anchor="middle">{dose:g}</text>'
    middle = (plot.x(0) + plot.x(plot.highest)) / 2
    yield f'<text class="soft" x="{middle:.1f}" y="{plot.y(0) + 36:.1f}" text-anchor="middle">dose, Gy</text>'
    yield f'<text class="soft" x="{_MARGIN:g}" y="{_TOP - 8:g}">volume, %</text>'


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5 and 10 times a power of ten that is no less."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(times * power for times in (1, 2, 5, 10) if times * power >= least * (1 - 1e-9)))


def _curves(
    plot: _Plot, number: int, doses_gy: NDArray[np.float64], histogram: StructureHistogram
) -> Iterable[str]:
    colour = _colour(number)
    for kind, shares in (("", histogram.reference), (' class="dashed"', histogram.evaluated)):
        points = " ".join(
            f"{plot.x(dose):.1f},{plot.y(share):.1f}" for dose, share in zip(doses_gy, shares, strict=True)
        )
        yield f'<polyline{kind} style="{colour}" points="{points}"/>'


def _legend(histograms: Sequence[StructureHistogram]) -> Iterable[str]:
    x, y = _WIDTH - _RIGHT + 22, _TOP + 6
    for number, histogram in enumerate(histograms):
        name = (
            histogram.name if len(histogram.name) <= 20 else f"{histogram.name[:19]}\N{HORIZONTAL ELLIPSIS}"
        )
        yield f'<line class="key" style="{_colour(number)}" x1="{x:g}" x2="{x + 20:g}" y1="{y:g}" y2="{y:g}"/>'
        yield f'<text x="{x + 28:g}" y="{y + 4:g}">{escape(name)}</text>'
        y += 22
    for kind, words in (("", "reference"), (" dashed", "evaluated")):
        y += 22
        yield (
            f'<line class="key{kind}" style="stroke: var(--soft)" x1="{x:g}" x2="{x + 20:g}" y1="{y:g}" y2="{y:g}"/>'
        )
        yield f'<text class="soft" x="{x + 28:g}" y="{y + 4:g}">{words}</text>'


def _notice(height: float) -> Iterable[str]:
    for n, sentence in enumerate(INTENDED_USE.replace("; ", ";\n").split("\n")):
        yield f'<text class="soft" x="{_MARGIN:g}" y="{height - 28 + 16 * n:g}">{escape(sentence)}</text>'


def _colour(number: int) -> str:
    width = "" if number < 6 else "; stroke-width: 1"
    return f"stroke: var(--c{number % 6}){width}"
