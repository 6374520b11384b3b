"""Agreement and non-inferiority over patients, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from transmodal.evaluation.statistics.agreement import bland_altman, non_inferiority

EIGHT = np.array([3.1, 4.0, 2.5, 5.2, 3.3, 4.8, 2.9, 3.7])


WORSE = EIGHT + np.array([0.5, 0.9, -0.2, 0.4, 1.1, 0.3, 0.8, 0.6])


def test_non_inferiority_looks_at_the_worse_side() -> None:
    lower = non_inferiority(WORSE, EIGHT, margin=1.5, higher_is_better=False)
    assert lower.is_shown is True
    assert lower.worst is not None
    assert 0.55 < lower.worst < 1.5
    assert lower.p == stats.wilcoxon(WORSE - EIGHT - 1.5, alternative="less", method="exact").pvalue
    assert non_inferiority(WORSE, EIGHT, margin=0.5, higher_is_better=False).is_shown is False
    higher = non_inferiority(-WORSE, -EIGHT, margin=1.5, higher_is_better=True)
    assert higher.worst == pytest.approx(lower.worst)
    better = non_inferiority(EIGHT, WORSE, margin=0.1, higher_is_better=False)
    assert better.worst is not None
    assert better.worst < 0


def test_agreement_by_hand() -> None:
    measured = np.array([10.0, 20, 30, 40, 50, 60])
    found = bland_altman(measured + np.array([1.0, -1, 1, -1, 1, -1]) + 2, measured)
    sd = math.sqrt(6 / 5)
    assert found.n == 6
    assert found.bias == pytest.approx(2)
    assert found.sd == pytest.approx(sd)
    assert (found.lower, found.upper) == pytest.approx((2 - 1.95996 * sd, 2 + 1.95996 * sd), abs=1e-4)
    t = stats.t.ppf(0.975, 5)
    assert found.of_bias == pytest.approx((2 - t * sd / math.sqrt(6), 2 + t * sd / math.sqrt(6)))
    assert found.of_upper is not None
    # Bland and Altman's approximation of the limits' standard error: sqrt(1/n + 1.96^2 / (2 (n - 1))) sd.
    assert found.of_upper.high - found.upper == pytest.approx(
        t * sd * math.sqrt(1 / 6 + 1.95996**2 / 10), rel=1e-5
    )


def test_agreement_sees_a_bias_that_grows() -> None:
    measured = np.linspace(100, 1000, 9)
    found = bland_altman(1.1 * measured + np.tile([1.0, -2, 1], 3), measured)
    assert found.of_slope is not None
    assert 0 < found.of_slope.low < (found.slope or 0) < found.of_slope.high
    assert found.slope == pytest.approx(0.1 / 1.05, rel=0.05)
    flat = bland_altman(np.array([1.0, -1]), np.array([-1.0, 1]))
    assert (flat.slope, flat.of_slope, flat.of_bias, flat.of_lower) == (None, None, None, None)
