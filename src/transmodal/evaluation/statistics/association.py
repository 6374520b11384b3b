"""Association of a synthetic with a measured quantity over patients: are the differences between people preserved?

Four figures answer it, of which each sees something else: Pearson's r sees order, the intraclass correlation also bias and
scale, the slope how much of a difference is left, the ratio of variances whether people are made alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from transmodal.evaluation.statistics.bootstrap import SEED, Interval, Values, tail
from transmodal.evaluation.statistics.paired_tests import FEWEST

RESAMPLES = 1999
"""Of the bootstrap here, which is over many regions."""


class Estimate(NamedTuple):
    """A figure and its 95 % interval.

    Attributes:
        value: None where it is not defined, as r of values that do not vary.
        interval: None below six patients, or where most resamples have no value.
    """

    value: float | None
    interval: Interval | None = None


def pearson(measured: Values, synthetic: Values) -> Values:
    """Return Pearson's correlation along the last axis, NaN where one side does not vary."""
    x, y = _centred(measured), _centred(synthetic)
    return _divide((x * y).sum(axis=-1), np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1)))


def icc(measured: Values, synthetic: Values) -> Values:
    """Return the intraclass correlation ICC(A,1): two-way, absolute agreement, single measurement, along the last axis.

    McGraw and Wong 1996, Psychol Methods 1, 30, case 2 with two columns.
    """
    n = measured.shape[-1]
    pairs = np.stack(np.broadcast_arrays(measured, synthetic))
    grand = pairs.mean(axis=(0, -1))
    rows, columns = pairs.mean(axis=0), pairs.mean(axis=-1)
    between = 2 * ((rows - grand[..., None]) ** 2).sum(axis=-1) / (n - 1)
    judges = n * ((columns - grand) ** 2).sum(axis=0)
    residual = pairs - rows - columns[..., None] + grand[..., None]
    error = (residual**2).sum(axis=(0, -1)) / (n - 1)
    return _divide(between - error, between + error + 2 / n * (judges - error))


def slope(measured: Values, synthetic: Values) -> Values:
    """Return the slope of the synthetic on the measured along the last axis: 1 preserves differences, 0 loses them."""
    x, y = _centred(measured), _centred(synthetic)
    return _divide((x * y).sum(axis=-1), (x**2).sum(axis=-1))


def variance_ratio(measured: Values, synthetic: Values) -> Values:
    """Return the variance of the synthetic over that of the measured along the last axis: below 1 people are made alike."""
    return _divide(synthetic.var(axis=-1), measured.var(axis=-1))


FIGURES: Mapping[str, Callable[[Values, Values], Values]] = MappingProxyType(
    {"Pearson r": pearson, "ICC(A,1)": icc, "slope": slope, "variance ratio": variance_ratio}
)


class Associations(NamedTuple):
    """The figures of several regions.

    Attributes:
        regions: figures by name, of every region in order.
        median: over the regions, by name; its interval draws the same patients for all regions.
    """

    regions: tuple[Mapping[str, Estimate], ...]
    median: Mapping[str, Estimate]


def associate(
    measured: Values, synthetic: Values, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Associations:
    """Return the figures of every region and their medians.

    A figure is taken of every seed and averaged. Intervals draw patients and seeds, crossed, as `bootstrap.intervals`.

    Args:
        measured: finite, `(patients, regions)`, two patients or more.
        synthetic: finite, `(seeds, patients, regions)`.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    draws = _draw(synthetic.shape[0], len(measured), resamples, seed)
    values, resampled = {}, {}
    for name, figure in FIGURES.items():
        values[name] = figure(measured.T, synthetic.swapaxes(-1, -2)).mean(axis=0)
        resampled[name] = _resample(figure, measured, synthetic, draws)
    regions = tuple(
        {
            name: estimate(float(values[name][region]), resampled[name][region], len(measured))
            for name in FIGURES
        }
        for region in range(measured.shape[1])
    )
    median = {
        name: estimate(float(_median(values[name])), _median(resampled[name]), len(measured))
        for name in FIGURES
    }
    return Associations(regions, median)


def estimate(value: float, resampled: Values, patients: int) -> Estimate:
    """Return a figure with the interval that its resamples give, percentiles moved out for the number of patients.

    Args:
        value: of all patients; not finite where it is not defined.
        resampled: the figure of every resample.
        patients: that were drawn from.
    """
    if not np.isfinite(value):
        return Estimate(None)
    finite = resampled[np.isfinite(resampled)]
    if patients < FEWEST or len(finite) < 0.9 * len(resampled):
        return Estimate(float(value))
    edge = tail(patients)
    low, high = np.quantile(finite, [edge, 1 - edge])
    return Estimate(float(value), Interval(float(low), float(high)))


class _Draws(NamedTuple):
    """Patients of every resample, `(resamples, patients)`, and the share of every seed, `(resamples, seeds)`."""

    patients: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    shares: Values


def _draw(seeds: int, patients: int, resamples: int, seed: int) -> _Draws:
    rng = np.random.default_rng(seed)
    shares = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    return _Draws(rng.integers(0, patients, (resamples, patients)), shares)


def _resample(
    figure: Callable[[Values, Values], Values], measured: Values, synthetic: Values, draws: _Draws
) -> Values:
    """Return the figure of every resample, `(regions, resamples)`."""
    resampled = []
    for region in range(measured.shape[1]):
        own = measured[:, region][draws.patients]
        of_seeds = np.stack([figure(own, values[:, region][draws.patients]) for values in synthetic], axis=1)
        resampled.append((draws.shares * of_seeds).sum(axis=1))
    return np.stack(resampled)


def _median(values: Values) -> Values:
    """Return the median over regions that have a value, NaN where none has."""
    ordered = np.sort(values, axis=0)  # NaN goes last
    n = np.isfinite(values).sum(axis=0)
    low, high = (np.take_along_axis(ordered, (k // 2)[None], axis=0)[0] for k in (np.maximum(n - 1, 0), n))
    median: Values = np.where(n > 0, (low + high) / 2, np.nan)
    return median


def _centred(values: Values) -> Values:
    centred: Values = values - values.mean(axis=-1, keepdims=True)
    return centred


def _divide(above: Values, below: Values) -> Values:
    tiny = np.finfo(np.float64).tiny
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Values = np.where(np.abs(below) > tiny, above / below, np.nan)
    return quotient
