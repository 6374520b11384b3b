"""Intervals over patients and seeds: a seeded bootstrap, its percentiles moved out for the number of patients.

Percentile intervals are too narrow for few patients. The percentiles are moved out (Hesterberg 2015, The American
Statistician 69, 371, section 4.3): at six patients the plain ones and BCa cover the mean of normal data in 85 % of
the cases instead of 95 %, the moved ones in 94 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 9999
SEED = 2024

_AT_ONCE = 2_000_000

Values = NDArray[np.float64]


class Interval(NamedTuple):
    """A 95 % interval, in the unit of the figures."""

    low: float
    high: float


def intervals(parts: Sequence[Values], resamples: int, seed: int) -> tuple[Interval, Interval]:
    """Return the 95 % intervals of mean and median over patients of the parts' sum.

    Every resample draws patients, the same for all parts, and seeds, of each part apart: the two are crossed, since
    every training is scored on every patient (Owen 2007, Ann Appl Stat 1, 386). Of k seeds k - 1 are drawn, so that
    their mean varies as that of k trainings does, not (k - 1) / k as much (McCarthy and Snowden 1985, Vital Health Stat
    2, 95). Nothing is drawn that was not measured: the mean of a figure with bounds, such as Dice, keeps to them.

    Args:
        parts: finite, each `(seeds, patients)` of the same two or more patients.
        resamples: how many.
        seed: of the drawing.
    """
    rng = np.random.default_rng(seed)
    n = parts[0].shape[1]
    resampled: list[Values] = []
    chunk = max(1, _AT_ONCE // n)
    for start in range(0, resamples, chunk):
        count = min(chunk, resamples - start)
        sums = np.zeros((count, n))
        for part in parts:
            drawn = max(1, len(part) - 1)
            shares = rng.multinomial(drawn, np.full(len(part), 1 / len(part)), count) / drawn
            sums += shares @ part
        patients = np.take_along_axis(sums, rng.integers(0, n, (count, n)), axis=1)
        resampled.append(np.stack([patients.mean(axis=1), np.median(patients, axis=1)]))
    edge = tail(n)
    means, medians = np.quantile(np.concatenate(resampled, axis=1), [edge, 1 - edge], axis=1).T
    return Interval(*map(float, means)), Interval(*map(float, medians))


def unpaired(first: Values, second: Values, resamples: int = RESAMPLES, seed: int = SEED) -> Interval:
    """Return the 95 % interval of the mean of the first minus the mean of the second, of different patients.

    Both groups are drawn independently. Each group's spread is widened by what resampling n values loses, and the
    percentiles are those of Student's t with Welch's degrees of freedom (Welch 1947, Biometrika 34, 28).

    Args:
        first: finite, `(patients,)`, two or more.
        second: likewise, of other patients.
        resamples: how many.
        seed: of the drawing.
    """
    rng = np.random.default_rng(seed)
    resampled = _means(first, resamples, rng) - _means(second, resamples, rng)
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, _welch(first, second))
    tail = float(stats.norm.cdf(-reach))
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(float(low), float(high))


def tail(n: int) -> float:
    """Return the percentile, 0 to 0.5, that n patients need: Student's t, and the bootstrap's variance of (n - 1) / n."""
    reach = math.sqrt(n / (n - 1)) * stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)
    return float(stats.norm.cdf(-reach))


def _means(values: Values, resamples: int, rng: np.random.Generator) -> Values:
    n = len(values)
    wider = values.mean() + (values - values.mean()) * math.sqrt(n / (n - 1))
    chunk = max(1, _AT_ONCE // n)
    parts = [
        wider[rng.integers(0, n, (min(chunk, resamples - start), n))].mean(axis=1)
        for start in range(0, resamples, chunk)
    ]
    means: Values = np.concatenate(parts)
    return means


def _welch(first: Values, second: Values) -> float:
    """Return Welch's degrees of freedom; those of the pooled test where neither group varies."""
    shares = [float(group.var(ddof=1)) / len(group) for group in (first, second)]
    if sum(shares) == 0:
        return len(first) + len(second) - 2
    below = math.fsum(
        share**2 / (len(group) - 1) for share, group in zip(shares, (first, second), strict=True)
    )
    return sum(shares) ** 2 / below
