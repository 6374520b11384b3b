"""The contract of metrics, held by those of the package; and a metric whose record is wrong fails it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from transmodal.metrics import registry
from transmodal.testing.metric import MetricContract


class TestMetrics(MetricContract):
    """Every metric without a network."""

    def parts(self, config: pytest.Config) -> Sequence[str]:
        return [metric.name for metric in registry.metrics() if metric.learned is None]


def test_a_record_without_a_unit_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(registry.find("mae"), unit="")
    monkeypatch.setattr(registry, "find", lambda name: bare)
    with pytest.raises(AssertionError, match="for the unit of the voxels"):
        MetricContract().test_its_record_says_its_unit("mae")
