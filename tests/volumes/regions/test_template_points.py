"""The template's points, and sums by class."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.volumes.regions.template_points import ClassSums


def test_the_correlation_ratio_is_the_share_between_classes() -> None:
    label = np.array([0, 0, 1, 1])
    assert ClassSums.of(np.array([1.0, 1.0, 5.0, 5.0]), label).ratio() == 1.0
    assert ClassSums.of(np.array([1.0, 5.0, 1.0, 5.0]), label).ratio() == 0.0
    assert ClassSums.of(np.array([0.0, 2.0, 4.0, 6.0]), label).ratio() == pytest.approx(16 / 20)
    assert ClassSums.of(np.ones(4), label).ratio() == 0.0
    assert ClassSums.of(np.array([1.0, 2.0, 9.0, 9.0]), np.array([0, 1, 5, 5])).ratio(2) == 1.0
