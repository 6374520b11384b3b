"""The contract of metrics, held by those of the package; and a metric whose record is wrong fails it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from transmodal.metrics import registry
from transmodal.testing.metric import MetricContract


class TestMetrics(MetricContract):
    """Every metric without a network."""

    def parts(self, config: pytest.Config) -> Sequence[str]:
        return [metric.name for metric in registry.metrics() if metric.learned is None]
