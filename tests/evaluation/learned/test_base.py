"""Pairs that networks measure, and how several networks' figures come together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.evaluation.learned.base import NO_LEARNED_METRICS, CasePair, LearnedMetrics, Scale
from transmodal.metrics.protocol import MetricValue, Protocol
from transmodal.metrics.table import SplitFigure
from transmodal.volumes import Volume


def pair_of(synthetic: np.ndarray[Any, Any], unit: str = "HU") -> CasePair:
    volumes = (Volume(voxels, np.eye(4)) for voxels in (np.zeros((3, 4, 5), np.float32), synthetic))
    return CasePair("c", "unet", *volumes, None, unit, 3000.0)


def test_black_is_the_background_of_the_unit() -> None:
    scale = pair_of(np.zeros((3, 4, 5))).scale
    assert scale == Scale(-1024.0, 3000.0, "HU")
    assert scale.text() == "-1024 HU black, 1976 HU white"
    assert pair_of(np.zeros((3, 4, 5)), "").scale.low == 0


def test_what_cannot_be_compared_is_refused() -> None:
    pair_of(np.ones((3, 4, 5))).check()
    for voxels, code in ((np.ones((3, 4, 4)), "E130"), (np.full((3, 4, 5), np.nan), "E120")):
        with pytest.raises(InputError) as refused:
            pair_of(voxels).check()
        assert refused.value.code == code


class Fake:
    """Measures nothing and says so."""

    def __init__(self, *metrics: str) -> None:
        self.metrics = metrics

    def measure(self, pair: CasePair) -> list[MetricValue]:
        return [MetricValue(name, 1.0, "1", Protocol("whole", 3, "HU")) for name in self.metrics]

    def split_figures(self) -> list[SplitFigure]:
        return []

    def record(self) -> dict[str, Any]:
        return {"n": len(self.metrics)}


def test_figures_of_all_networks_in_their_order() -> None:
    both = LearnedMetrics([Fake("lpips"), Fake("dice", "hd95")])
    assert [value.metric for value in both.measure(pair_of(np.ones((3, 4, 5))))] == ["lpips", "dice", "hd95"]
    assert both.record() == {"lpips": {"n": 1}, "dice, hd95": {"n": 2}}
    assert both.split_figures() == NO_LEARNED_METRICS.split_figures() == ()
