"""Spread is judged over subjects: telling where its interval says so, and beyond edges where that of the difference does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from transmodal.experiments.study.studies.planes.figures import PlaneRow
from transmodal.experiments.study.studies.planes.spread import judge


def row_of(ranks: list[float], edges: list[float], errors: list[float], spreads: list[float]) -> PlaneRow:
    cases: list[dict[str, Any]] = [
        {
            "patient": f"p{n}",
            "volumes": {"fused": {"mae": error}},
            "spread": {
                "planes": {"spearman": rank, "mean": spread, "error by tenth": [1.0] * 9 + [2.0]},
                "edges": {"spearman": edge},
            },
        }
        for n, (rank, edge, error, spread) in enumerate(zip(ranks, edges, errors, spreads, strict=True))
    ]
    return PlaneRow("unet", "1", [cases], ("z",))


def test_a_spread_may_tell_less_than_edges() -> None:
    steps = list(np.linspace(0, 0.1, 8))
    better = row_of([0.5 + s for s in steps], [0.1 + s / 2 for s in steps], steps, steps)
    worse = row_of([0.3 + s for s in steps], [0.4 + s for s in steps], steps, steps[::-1])
    none = row_of([s - 0.05 for s in steps], [-0.3] * 8, steps, [1.0] * 8)
    qualities = judge([better, worse, none])
    assert [quality.is_telling for quality in qualities] == [True, True, False]
    assert [quality.is_above_edges for quality in qualities] == [True, False, False]
    assert qualities[0].subjects.value == pytest.approx(1)
    assert qualities[1].subjects.value == pytest.approx(-1)
    assert qualities[2].subjects.value is None
    assert qualities[0].share is not None
    assert qualities[0].share[-1].mean() == pytest.approx(20 / 11)


def test_few_subjects_show_nothing() -> None:
    quality = judge([row_of([0.9, 0.8], [0.1, 0.1], [1, 2], [1, 2])])[0]
    assert (quality.is_telling, quality.interval, quality.subjects.value) == (False, None, None)
