"""Crossings of strata: a lucky training cancels out, a stratum that matters does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.experiments.study.parts import PartResult
from transmodal.experiments.study.studies.transfer.crossings import (
    LOSS,
    RISE,
    Crossing,
    cross,
    draw_drops,
    draw_matrix,
    tell,
)
from transmodal.experiments.study.studies.transfer.strata import TransferGroup

OURS, THEIRS = ("a1", "a2", "a3", "a4"), ("b1", "b2", "b3")
STRATA = (TransferGroup("site", "A", {}, OURS), TransferGroup("site", "B", {}, THEIRS))


class FixedResult:
    """Runs whose error on each stratum is given; patients differ a little."""

    def __init__(self, on_ours: float, on_theirs: float) -> None:
        self.means = {"a": on_ours, "b": on_theirs}

    def values(self, metric: str, patients: Sequence[str]) -> Values:
        sign = 1 if metric == "mae" else -0.01
        return np.array([[sign * (self.means[name[0]] + int(name[1]) / 100) for name in patients]])


def crossing_of(ours: tuple[float, float], theirs: tuple[float, float]) -> Crossing:
    """Return a crossing of runs by their errors on both strata."""
    first, second = (cast(PartResult, FixedResult(*errors)) for errors in (ours, theirs))
    results = {("net", "site", "A"): first, ("net", "site", "B"): second}
    (crossing,) = cross(["net"], [STRATA], results)
    return crossing


def test_a_planted_effect_is_found() -> None:
    rise, loss = draw_drops([crossing_of((1, 3), (4, 1))])
    assert (rise.figure, rise.value, rise.n) == (RISE, pytest.approx(2.5), 6)
    assert (loss.figure, loss.value) == (LOSS, pytest.approx(0.025))
    assert rise.interval is not None
    assert loss.interval is not None
    assert loss.interval[0] < 0.025 < loss.interval[1]
    (sentence,) = tell([rise, loss])
    assert sentence.startswith(
        "net, site: A and B: on the group that a run did not learn from the error is 2.50"
    )


def test_nothing_is_found_where_nothing_was_planted() -> None:
    lucky = draw_drops([crossing_of((1, 1), (4, 4))])
    harder = draw_drops([crossing_of((1, 5), (1, 5))])
    for rise, _ in (lucky, harder):
        assert rise.value == pytest.approx(0)
        assert list(tell([rise])) == [
            "net, site: A and B: no drop is shown on the group that a run did not learn from."
        ]


def test_every_stratum_is_shown_on_every_other() -> None:
    crossing = crossing_of((1, 3), (4, 1))
    results = {("net", "site", "A"): crossing.of_ours, ("net", "site", "B"): crossing.of_theirs}
    figures = list(draw_matrix(["net"], [STRATA], results))
    means = {f.group: round(f.value or 0, 3) for f in figures if f.figure == "MAE"}
    assert means == {
        "site: A, A": 1.025,
        "site: A, B": 3.02,
        "site: B, A": 4.025,
        "site: B, B": 1.02,
    }
