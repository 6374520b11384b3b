"""Histogram of errors over the voxels inside the mask: counted case by case, drawn in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

BINS = 81
SHARE = 0.25
"""The histogram reaches from minus to plus this share of the data range; what lies beyond counts in the last bins."""
_WIDTH, _HEIGHT = 640.0, 160.0

Counts = NDArray[np.int64]


def count_errors(
    reference: NDArray[np.floating], synthetic: NDArray[np.floating], data_range: float
) -> Counts:
    """Return the number of voxels by the size of their error, in `BINS` bins of equal width.

    Args:
        reference: values inside the mask.
        synthetic: the same voxels.
        data_range: width of the target's range of values.
    """
    error = (np.asarray(synthetic, np.float64) - reference).ravel() / (SHARE * data_range)
    places = np.rint((np.clip(error, -1, 1) + 1) / 2 * (BINS - 1)).astype(np.int64)
    return np.bincount(places, minlength=BINS)


def section(counts: Mapping[str, Counts], runs: Sequence[str], data_range: float, unit: str) -> str:
    """Return the section with one line per model; empty where nothing was counted."""
    counts_of_runs = {name: counts[name] for name in runs if name in counts and counts[name].sum() > 0}
    if not counts_of_runs:
        return ""
    shares = {name: bins / bins.sum() for name, bins in counts_of_runs.items()}
    top = max(float(bins.max()) for bins in shares.values())
    lines = "".join(
        f'<polyline class="run{runs.index(name) % 6}" points="{_points(bins / top)}"/>'
        for name, bins in shares.items()
    )
    legend = "".join(
        f'<span><i class="run{runs.index(name) % 6}"></i>{escape(name)}</span>' for name in shares
    )
    end = f"{SHARE * data_range:.4g} {unit}".strip()
    return (
        '<section><h2>Errors over voxels</h2><p class="about">Share of the mask&rsquo;s voxels by synthetic minus '
        "target, all cases together; the outermost bins hold what lies beyond.</p>"
        f'<div class="legend">{legend}</div><figure class="chart wide"><div class="plot">'
        f'<span class="tick top">{top:.1%}</span><svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="none" '
        f'role="img" aria-label="errors from minus to plus {escape(end)}"><line x1="{_WIDTH / 2:g}" x2="{_WIDTH / 2:g}" '
        f'y1="0" y2="{_HEIGHT:g}" class="zero"/>{lines}</svg></div><div class="steps"><span>&minus;{escape(end)}</span>'
        f"<span>0</span><span>+{escape(end)}</span></div></figure></section>"
    )


def _points(heights: NDArray[np.floating]) -> str:
    step = _WIDTH / (len(heights) - 1)
    return " ".join(f"{n * step:.1f},{_HEIGHT * (1 - height):.1f}" for n, height in enumerate(heights))
