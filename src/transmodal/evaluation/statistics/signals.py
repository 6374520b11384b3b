"""A known signal in regional values: how much of it they show, and whether they show one that they cannot know.

Values are relative to each region's mean and centred twice, by region and by subject: regions differ, and so do scanners;
the rest is how a person's regions differ from those of other people.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transmodal.evaluation.statistics.association import RESAMPLES, Estimate, estimate
from transmodal.evaluation.statistics.bootstrap import CONFIDENCE, SEED, Interval, Values
from transmodal.evaluation.statistics.paired_tests import FEWEST

PERMUTATIONS = 999


class Chance(NamedTuple):
    """A correlation, held against chance.

    Attributes:
        value: the partial correlation; None where something does not vary.
        range: where 95 % of the correlations lie when subjects are shuffled; None below six patients.
        p: two-sided, of the shuffling; None below six patients.
    """

    value: float | None
    range: Interval | None = None
    p: float | None = None


def relative(values: Values, reference: Values) -> Values:
    """Return values as deviations from the reference's regional means, relative to them, centred by region and subject.

    Args:
        values: `(..., patients, regions)`.
        reference: measured values, `(patients, regions)`, whose regional means are not 0.
    """
    return centre(values / reference.mean(axis=-2))


def centre(values: Values) -> Values:
    """Return values without the means of regions and of patients, `(..., patients, regions)`."""
    by_region = values.mean(axis=-2, keepdims=True)
    centred: Values = values - by_region - values.mean(axis=-1, keepdims=True)
    centred += by_region.mean(axis=-1, keepdims=True)
    return centred


def recovered(
    signal: Values, measured: Values, synthetic: Values, *, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[Estimate, tuple[Estimate, ...]]:
    """Return the share of a signal's slope in the measured values that the synthetic ones have: 1 is all of it.

    The interval draws patients and seeds, crossed. Where the measured values are not shown to follow the signal, there is
    no share.

    Args:
        signal: centred, `(patients, regions)`.
        measured: centred relative values, likewise.
        synthetic: centred relative values, `(seeds, patients, regions)`.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        The share over all regions together, then that of each.
    """
    rng = np.random.default_rng(seed)
    patients, seeds = len(signal), len(synthetic)
    counts = rng.multinomial(patients, np.full(patients, 1 / patients), resamples).astype(np.float64)
    shares = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    above, below = signal * synthetic, signal * measured
    pooled = _share(above.sum(axis=-1), below.sum(axis=-1), (signal**2).sum(axis=-1), counts, shares)
    regions = tuple(
        _share(above[..., n], below[..., n], signal[:, n] ** 2, counts, shares)
        for n in range(signal.shape[1])
    )
    return pooled, regions


def beyond_chance(
    signal: Values, nuisance: Values, values: Values, *, permutations: int = PERMUTATIONS, seed: int = SEED
) -> Chance:
    """Return the correlation of values with a signal after another one, and what chance makes of it.

    Chance shuffles the subjects of the signal, each with all its regions.

    Args:
        signal: centred, `(patients, regions)`.
        nuisance: a signal that is taken out of values and signal by regression first, likewise.
        values: centred, `(patients, regions)`, or `(seeds, patients, regions)` whose correlations are averaged.
        permutations: how many.
        seed: of the shuffling.
    """
    stacked = np.atleast_3d(values) if values.ndim == 3 else values[None]
    cleaned = np.stack([_without(part, nuisance) for part in stacked])
    own = _without(signal, nuisance)
    value = _correlation(own, cleaned)
    if not np.isfinite(value):
        return Chance(None)
    if len(signal) < FEWEST:
        return Chance(value)
    rng = np.random.default_rng(seed)
    shuffled = np.array(
        [
            _correlation(_without(signal[rng.permutation(len(signal))], nuisance), cleaned)
            for _ in range(permutations)
        ]
    )
    edge = (1 - CONFIDENCE) / 2
    low, high = np.quantile(shuffled, [edge, 1 - edge])
    p = (1 + int((np.abs(shuffled) >= abs(value)).sum())) / (1 + permutations)
    return Chance(value, Interval(float(low), float(high)), p)


def _share(above: Values, below: Values, squared: Values, counts: Values, shares: Values) -> Estimate:
    """Return a share of slopes and its interval.

    Args:
        above: signal times synthetic of every patient, `(seeds, patients)`.
        below: signal times measured, `(patients,)`.
        squared: of the signal, `(patients,)`.
        counts: how often each patient is drawn, `(resamples, patients)`.
        shares: of each seed in each resample, `(resamples, seeds)`.
    """
    patients = len(below)
    slopes = (counts @ below) / np.maximum(counts @ squared, np.finfo(float).tiny)
    measured = estimate(float(below.sum()), slopes, patients)
    if measured.interval is not None and measured.interval.low <= 0 <= measured.interval.high:
        return Estimate(None)
    resampled = ((above @ counts.T).T * shares).sum(axis=1) / (counts @ below)
    return estimate(float(above.sum(axis=-1).mean() / below.sum()), resampled, patients)


def _without(values: Values, nuisance: Values) -> Values:
    """Return what is left of values when their regression on a signal is taken out."""
    power = float((nuisance**2).sum())
    residuals: Values = values - (float((values * nuisance).sum()) / power if power > 0 else 0.0) * nuisance
    return residuals


def _correlation(signal: Values, values: Values) -> float:
    """Return the mean over seeds of the correlation over all patients and regions; NaN where something does not vary."""
    norm = np.sqrt((signal**2).sum() * (values**2).sum(axis=(-1, -2)))
    if not (norm > np.finfo(float).tiny).all():
        return float("nan")
    return float(((signal * values).sum(axis=(-1, -2)) / norm).mean())
