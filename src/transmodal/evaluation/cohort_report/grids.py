"""The cohort's grids: what they have in common, and where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.cohort_report.summary import CaseSummary, tilt_degrees
from transmodal.evaluation.drawing.words import number
from transmodal.volumes import Grid


def section(cohort: Cohort, summaries: Iterable[CaseSummary]) -> str:
    """Return what the grids have in common and where they differ."""
    cases = list(summaries)
    grids = [case.grid for case in cases]
    shapes = Counter(" x ".join(map(str, grid.shape)) for grid in grids)
    native = Counter(", ".join(sorted(set(case.native.values()))) for case in cases)
    tilts = [tilt_degrees(grid) for grid in grids]
    facts = {
        "Shape": _most_common(shapes) if len(shapes) <= 6 else f"{len(shapes)} different, {_sides(grids)}",
        "Spacing": " x ".join(_span([grid.spacing[axis] for grid in grids]) for axis in range(3)) + " mm",
        "Field of view": " x ".join(
            _span([grid.shape[axis] * grid.spacing[axis] for grid in grids]) for axis in range(3)
        )
        + " mm",
        "Obliqueness": f"{_span([round(tilt, 1) for tilt in tilts])}\N{DEGREE SIGN} from the patient's axes",
        "As stored": _most_common(native),
        "Split": "given" if cohort.split.by == "given" else f"by {cohort.split.by}, seed {cohort.split.seed}",
        "Digest": cohort.digest(),
    }
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    return f"<section><h2>Grids</h2><dl>{items}</dl></section>"


def _sides(grids: Sequence[Grid]) -> str:
    return " x ".join(_span([float(grid.shape[axis]) for grid in grids]) for axis in range(3))


def _most_common(counts: Counter[str]) -> str:
    frequent = ", ".join(f"{text} ({n})" for text, n in counts.most_common(6))
    return f"{frequent} and {len(counts) - 6} others" if len(counts) > 6 else frequent


def _span(values: Sequence[float]) -> str:
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low}\N{EN DASH}{high}"
