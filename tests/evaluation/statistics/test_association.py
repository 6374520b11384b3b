"""Association: each figure sees its own kind of loss, and intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.evaluation.statistics.association import (
    associate,
    estimate,
    icc,
    pearson,
    slope,
    variance_ratio,
)

RNG = np.random.default_rng(3)
MEASURED = RNG.normal(10, 2, 12)


def test_icc_is_that_of_the_textbook() -> None:
    """Two judges out of Shrout and Fleiss's table: the ANOVA by hand gives 0.2432 for absolute agreement."""
    first, second = np.array([9.0, 6, 8, 7, 10, 6]), np.array([2.0, 1, 4, 1, 5, 2])
    rows = (first + second) / 2
    between = 2 * ((rows - rows.mean()) ** 2).sum() / 5
    judges = 6 * ((first.mean() - rows.mean()) ** 2 + (second.mean() - rows.mean()) ** 2)
    error = sum(((x - rows - x.mean() + rows.mean()) ** 2).sum() for x in (first, second)) / 5
    expected = (between - error) / (between + error + 2 / 6 * (judges - error))
    assert float(icc(first, second)) == pytest.approx(expected)
    assert float(icc(first, first)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("synthetic", "r", "agreement", "line", "ratio"),
    [
        (MEASURED, 1, 1, 1, 1),
        (MEASURED + 100, 1, 0.003, 1, 1),
        (10 + 0.5 * (MEASURED - MEASURED.mean()), 1, 0.8, 0.5, 0.25),
        (-MEASURED, -1, None, -1, 1),
    ],
)
def test_each_figure_sees_its_own_loss(
    synthetic: np.ndarray, r: float, agreement: float | None, line: float, ratio: float
) -> None:
    assert float(pearson(MEASURED, synthetic)) == pytest.approx(r)
    assert float(slope(MEASURED, synthetic)) == pytest.approx(line)
    assert float(variance_ratio(MEASURED, synthetic)) == pytest.approx(ratio)
    if agreement is not None:
        assert float(icc(MEASURED, synthetic)) == pytest.approx(agreement, abs=0.06)


def test_a_flat_synthetic_has_no_correlation() -> None:
    result = associate(MEASURED[:, None], np.ones((1, 12, 1)), resamples=50)
    assert result.regions[0]["Pearson r"].value is None
    assert result.median["Pearson r"].value is None
    assert result.regions[0]["slope"].value == 0


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Over 200 draws of 12 patients with r = 0.8, the interval of the slope holds its truth 90 to 99 times in 100."""
    rng = np.random.default_rng(0)
    measured = rng.normal(size=(12, 200))
    synthetic = 0.8 * measured + 0.6 * rng.normal(size=(12, 200))
    result = associate(measured, synthetic[None], resamples=400)
    held = [
        region["slope"].interval is not None
        and region["slope"].interval.low <= 0.8 <= region["slope"].interval.high
        for region in result.regions
    ]
    assert 0.88 <= np.mean(held) <= 0.995
    median = result.median["slope"]
    assert median.value is not None
    assert median.interval is not None
    assert median.interval.low <= median.value <= median.interval.high


def test_seeds_are_averaged_and_widen_the_interval() -> None:
    noise = RNG.normal(0, 1, (3, 12, 1))
    alike = associate(MEASURED[:, None], np.repeat(MEASURED[None, :, None], 3, axis=0), resamples=200)
    unlike = associate(MEASURED[:, None], MEASURED[None, :, None] + noise, resamples=200)
    expected = np.mean([slope(MEASURED, MEASURED + seed[:, 0]) for seed in noise])
    assert unlike.regions[0]["slope"].value == pytest.approx(expected)
    assert alike.regions[0]["slope"].interval == pytest.approx((1, 1))
    assert unlike.regions[0]["slope"].interval is not None


def test_below_six_patients_there_is_no_interval() -> None:
    assert estimate(0.5, np.linspace(0, 1, 50), 5).interval is None
    assert estimate(0.5, np.linspace(0, 1, 50), 6).interval is not None
    assert estimate(0.5, np.full(50, np.nan), 12).interval is None
    assert estimate(float("nan"), np.linspace(0, 1, 50), 12) == (None, None)
