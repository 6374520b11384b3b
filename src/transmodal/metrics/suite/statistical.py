"""Agreement of values as statistics: Pearson's correlation, and normalised mutual information."""

from __future__ import annotations

import math

import numpy as np

from transmodal.metrics.checks import Array, Mask, check_pair
from transmodal.metrics.metric import Metric, over_voxels

BINS = 100


def pcc(reference: Array, synthetic: Array, *, mask: Mask | None = None) -> float:
    """Return Pearson's correlation of the voxels of two volumes.

    Unit 1, -1 to 1, higher is better. Gain and offset cost nothing; NaN where a volume is constant.

    Args:
        reference: the target as measured, of any shape.
        synthetic: the translator's image, of the same shape.
        mask: bool, of the volume's shape; None takes every voxel.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
    """
    check_pair(reference, synthetic, mask)
    x, y = (_inside(image, mask) - _inside(image, mask).mean() for image in (reference, synthetic))
    norm = math.sqrt(float(x @ x) * float(y @ y))
    return float(np.clip(x @ y / norm, -1, 1)) if norm > 0 else math.nan


def nmi(reference: Array, synthetic: Array, *, mask: Mask | None = None) -> float:
    """Return the normalised mutual information of the voxels of two volumes.

    Unit 1, 1 to 2, higher is better: `(H(X) + H(Y)) / H(X, Y)` (Studholme, Hill and Hawkes, Pattern Recognition 32,
    1999) of a joint histogram of 100 by 100 bins over each volume's own range. Any one-to-one change of values costs
    nothing, also one that turns bright and dark about; NaN where both volumes are constant.

    Args:
        reference: the target as measured, of any shape.
        synthetic: the translator's image, of the same shape.
        mask: bool, of the volume's shape; None takes every voxel.

    Raises:
        InputError: as `pcc`.
    """
    check_pair(reference, synthetic, mask)
    joint, _, _ = np.histogram2d(_inside(reference, mask), _inside(synthetic, mask), bins=BINS)
    shares = joint / joint.sum()
    joint_entropy = _entropy(shares)
    if joint_entropy == 0:
        return math.nan
    return (_entropy(shares.sum(axis=0)) + _entropy(shares.sum(axis=1))) / joint_entropy


def _inside(image: Array, mask: Mask | None) -> Array:
    values: Array = np.asarray(image, np.float64) if mask is None else np.asarray(image[mask], np.float64)
    return values.ravel()


def _entropy(shares: Array) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


METRICS = (
    Metric(
        "pcc",
        "1",
        "higher",
        over_voxels(pcc),
        definition="Pearson's correlation of voxels",
        has_range=False,
        in_grey=True,
        no_value="a volume is constant",
    ),
    Metric(
        "nmi",
        "1",
        "higher",
        over_voxels(nmi),
        definition=f"normalised mutual information 1 to 2, {BINS} bins over each volume's range",
        has_range=False,
        in_grey=True,
        no_value="both volumes are constant",
    ),
)
