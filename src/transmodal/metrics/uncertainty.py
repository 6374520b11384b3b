"""Figures of how well a disagreement shows where a synthetic volume errs: error by tenth, rank correlation, sparsification.

A disagreement is any map that is greater where a translator is less sure, such as the standard deviation over the
passes of one translation. These figures judge its order, never its size: a disagreement of one tenth of the error
orders voxels as well as one of the error itself. They judge the map and not the image, so they have no place among
the metrics of images: a translator that errs everywhere alike cannot have a good one.

Voxels of equal disagreement have no order. Each of them counts with their mean error, which is what a random order
among them gives on average; so no figure depends on the order in which voxels lie in memory.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from transmodal.metrics.checks import Array, Float, Mask, check_pair

PARTS = 10
DEFINITION = (
    "over voxels, of the absolute error (in colour the mean over the channels); tenths hold equally many voxels, the "
    "least disagreement first; Spearman's rho of disagreement and error, higher is better; AUSE: area between the "
    "curves of the mean error of the voxels that are left when those of greatest disagreement, or of greatest error, "
    "are taken away one by one, relative to the mean error (Ilg et al. 2018), lower is better; equal disagreements "
    "share their mean error"
)
"""The definition of the figures, on one line."""


class Tenths(NamedTuple):
    """Means over parts of equally many voxels, those of least disagreement first, in the unit of the values."""

    disagreement: tuple[float, ...]
    error: tuple[float, ...]


class Sparsification(NamedTuple):
    """Area under the sparsification error, unit 1.

    Attributes:
        ause: of the disagreement; lower is better, 0 where it orders voxels as their errors do.
        random: of a random order; a disagreement with this `ause` is worth nothing, one above it
            misleads.
    """

    ause: float
    random: float


class DisagreementQuality(NamedTuple):
    """All figures of one disagreement.

    Attributes:
        n: voxels.
        tenths: error and disagreement by tenth of the disagreement.
        spearman: see `spearman`.
        sparsification: see `sparsification`.
    """

    n: int
    tenths: Tenths
    spearman: float
    sparsification: Sparsification


def measure(
    reference: Array, synthetic: Array, disagreement: Array, *, mask: Mask | None = None
) -> DisagreementQuality:
    """Return all figures of a disagreement.

    Args:
        reference: the target as measured, `(I, J, K)`, or `(I, J, K, 3)` in colour.
        synthetic: the translator's image, of the same shape.
        disagreement: of the same shape, in the same unit; 0 where the translator is surest.
        mask: bool `(I, J, K)`; None takes every voxel.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
    """
    check_pair(reference, synthetic, mask)
    check_pair(reference, disagreement, mask)
    inside = np.ones(reference.shape[:3], bool) if mask is None else mask
    error = _by_voxel(np.abs(np.subtract(reference[inside], synthetic[inside], dtype=np.float64)))
    spread = _by_voxel(np.asarray(disagreement[inside], np.float64))
    return DisagreementQuality(
        len(error), by_part(error, spread), spearman(error, spread), sparsification(error, spread)
    )


def by_part(error: Float, disagreement: Float, *, parts: int = PARTS) -> Tenths:
    """Return the mean error and the mean disagreement of parts of equally many voxels.

    Error that rises from part to part is what a reader hopes for. A voxel on the border of two parts counts in both
    with its shares, so the mean over the parts is the mean over the voxels, and fewer voxels than parts are no special
    case. A constant disagreement gives the mean error in every part.

    Args:
        error: absolute, `(n,)`, one value or more.
        disagreement: `(n,)`.
        parts: how many; 10 gives tenths.
    """
    counts, errors, disagreements = _cumulate(disagreement, error, disagreement)
    n = len(error)
    ends = np.arange(parts + 1) * n / parts
    means = [np.diff(np.interp(ends, counts, cumulated)) * parts / n for cumulated in (disagreements, errors)]
    return Tenths(*(tuple(map(float, mean)) for mean in means))


def spearman(error: Float, disagreement: Float) -> float:
    """Return Spearman's rank correlation over voxels, -1 to 1; higher is better, 0 for a map that says nothing.

    Unit 1. NaN where the disagreement or the error is constant, one voxel included. There is no test: voxels are not
    independent of each other.

    Args:
        error: absolute, `(n,)`.
        disagreement: `(n,)`.
    """
    if np.ptp(error) == 0 or np.ptp(disagreement) == 0:
        return math.nan
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (error, disagreement)]
    product, first, second = (
        float(np.vdot(a, b)) for a, b in ((ranks[0], ranks[1]), (ranks[0], ranks[0]), (ranks[1], ranks[1]))
    )
    return min(1.0, max(-1.0, product / math.sqrt(first * second)))


def sparsification(error: Float, disagreement: Float) -> Sparsification:
    """Return the area under the sparsification error of Ilg et al. 2018 (ECCV, doi 10.1007/978-3-030-01234-2_40).

    Voxels are taken away one by one, those of greatest disagreement first. The curve is the mean error of those that
    are left, relative to the mean error of all. From it the curve of the best order is taken, which is that by the
    error itself. The area is the mean over 1 to n voxels left. How great it can be depends on how errors are
    distributed, so the area of a random order stands beside it. A constant disagreement has that area. NaN where
    nothing errs.

    Args:
        error: absolute, `(n,)`, one value or more.
        disagreement: `(n,)`.
    """
    mean = float(error.mean())
    if mean == 0:
        return Sparsification(math.nan, math.nan)
    n_left = np.arange(1, len(error) + 1)
    best = float((np.cumsum(np.sort(error)) / n_left).mean())
    counts, errors = _cumulate(disagreement, error)
    own = float((np.interp(n_left, counts, errors) / n_left).mean())
    return Sparsification(max(0.0, own - best) / mean, max(0.0, mean - best) / mean)


def _cumulate(order: Float, *values: Float) -> tuple[Float, ...]:
    """Return counts, and the sums of values over so many voxels of least `order`: at 0 and behind each of its values."""
    places = np.argsort(order, kind="stable")
    ordered = order[places]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    sums = (np.append(0.0, np.cumsum(addend[places])[last]) for addend in values)
    return np.append(0.0, last + 1.0), *sums


def _by_voxel(values: Float) -> Float:
    """Return one value per voxel: `(n,)` as it is, the mean over the channels of `(n, 3)`."""
    return values if values.ndim == 1 else values.mean(axis=1)
