"""Planted signals: the share that was planted is recovered, own and foreign ones are told from chance."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from transmodal.experiments.study.studies.biology.signals import (
    CHANCE,
    MEASURED,
    REGIONS,
    SHARES,
    take_signals,
)
from transmodal.experiments.study.studies.biology.values import Regional

RegionalOf = Callable[..., Regional]


def test_the_planted_share_comes_back(regional_of: RegionalOf) -> None:
    result = take_signals(
        {"half": regional_of(linked_share=0.5), "none": regional_of(linked_share=0, seeds=2)}
    )
    for tissue in ("grey matter", "white matter"):
        half, none = result.shares["half", tissue], result.shares["none", tissue]
        assert half.value == pytest.approx(0.5, abs=0.1)
        assert half.interval is not None
        assert half.interval.low > 0
        assert none.interval is not None
        assert none.interval.low < 0 < none.interval.high
    assert {figure.table for figure in result.figures} == {SHARES, CHANCE, REGIONS}


def test_own_signals_are_the_measured_ones_alone(regional_of: RegionalOf) -> None:
    own = take_signals({"unet": regional_of(linked_share=1)}).own
    leak = take_signals({"leak": regional_of(linked_share=1, own_share=1)}).own
    for tissue in ("grey matter", "white matter"):
        assert own[MEASURED, tissue].p == pytest.approx(0.004, abs=0.002)
        assert own["unet", tissue].p is not None
        assert (own["unet", tissue].p or 0) > 0.05
        assert leak["leak", tissue].p == pytest.approx(0.004, abs=0.002)


def test_signals_that_are_not_known_are_not_asked_for(regional_of: RegionalOf) -> None:
    values = regional_of(linked_share=1)
    result = take_signals({"unet": values._replace(own=None, foreign=values.own)})
    assert result.own == {}
    assert set(result.foreign) == {
        (row, t) for row in (MEASURED, "unet") for t in ("grey matter", "white matter")
    }
