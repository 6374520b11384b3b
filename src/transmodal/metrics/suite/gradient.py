"""Errors of the slopes from slice to slice: the steps that a translator of slices leaves between them."""

from __future__ import annotations

import numpy as np

from transmodal.errors import UsageError
from transmodal.metrics.checks import Array, Mask, check_pair, check_spacing, no_content
from transmodal.metrics.metric import Metric
from transmodal.metrics.pair import ImagePair


def gradient_error(
    reference: Array, synthetic: Array, *, axis: int, spacing_mm: float, mask: Mask | None = None
) -> float:
    """Return the mean absolute difference of the slopes along an axis.

    Unit of the values per mm; lower is better.

    Slopes are differences of neighbours: along the axis of the slices they show the steps that a translator
    of slices leaves between them, which a figure per slice cannot see.

    Args:
        reference: the target as measured, `(I, J, K)` or `(I, J, K, 3)`.
        synthetic: the translator's image, of the same shape.
        axis: 0 to 2.
        spacing_mm: along that axis.
        mask: bool `(I, J, K)`; both neighbours have to lie in it.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for a mask without
            neighbours.
        UsageError: E004 for a volume of one slice along the axis, E001 for a spacing that is not positive.
    """
    check_pair(reference, synthetic, mask)
    check_spacing((spacing_mm,))
    if reference.shape[axis] < 2:
        raise UsageError(
            "E004",
            f"a volume of shape {reference.shape} along axis {axis}",
            "two slices or more",
            "Leave this metric out for single slices.",
        )
    difference = np.diff(np.subtract(synthetic, reference, dtype=np.float64), axis=axis)
    if mask is None:
        return float(np.abs(difference).mean()) / spacing_mm
    n = mask.shape[axis]
    pairs = mask.take(range(n - 1), axis) & mask.take(range(1, n), axis)
    if not pairs.any():
        raise no_content(
            f"a mask without neighbours along axis {axis}", "two voxels in a row", "Give another mask."
        )
    return float(np.abs(difference[pairs]).mean()) / spacing_mm


def _gradient_error(pair: ImagePair) -> float:
    return gradient_error(
        pair.reference,
        pair.synthetic,
        axis=pair.axis,
        spacing_mm=pair.spacing_mm[pair.axis],
        mask=pair.mask,
    )


METRICS = (
    Metric(
        "gradient_error",
        "{unit}/mm",
        "lower",
        _gradient_error,
        definition="differences of neighbouring slices",
        slices=2,
    ),
)
