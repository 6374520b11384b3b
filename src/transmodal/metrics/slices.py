"""A metric of images taken of every slice of a volume, and averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from transmodal.errors import InputError
from transmodal.metrics.checks import Array, Float, Mask, check_pair, no_content

PlaneMetric = Callable[[Array, Array, Mask | None], float]


class SliceMean(NamedTuple):
    """A metric of images, taken of a volume's slices.

    Attributes:
        mean: over the slices used, each slice counting once.
        values: one figure per slice used.
        n_used: how many slices have a figure.
        excluded: how many slices have none, and are left out.
    """

    mean: float
    values: Float
    n_used: int
    excluded: int


def over_slices(
    metric: PlaneMetric, reference: Array, synthetic: Array, *, axis: int, mask: Mask | None = None
) -> SliceMean:
    """Take a metric of images of every slice of a volume, and average.

    Slices that do not meet the mask, and those that the metric finds no content in (E124, as two constant
    slices have for FSIM), are excluded and counted.

    Args:
        metric: called with a slice of the reference, one of the synthetic volume and one of the mask (or
            None).
        reference: the target as measured, `(I, J, K)` or `(I, J, K, 3)`.
        synthetic: the translator's image, of the same shape.
        axis: the axis that is sliced, 0 to 2.
        mask: bool `(I, J, K)`; None takes every slice.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask
            or where no slice is left.
    """
    check_pair(reference, synthetic, mask)
    n = reference.shape[axis]
    figures = [_measure_plane(metric, planes) for planes in _planes(reference, synthetic, axis, mask)]
    values = np.array([figure for figure in figures if figure is not None])
    if not values.size:
        raise no_content(
            f"{n} slices without content", "one slice or more to compare", "Leave this metric out."
        )
    return SliceMean(float(values.mean()), values, len(values), n - len(values))


def _measure_plane(metric: PlaneMetric, planes: tuple[Array, Array, Mask | None]) -> float | None:
    try:
        return metric(*planes)
    except InputError as error:
        if error.code != "E124":
            raise
        return None


def _planes(
    reference: Array, synthetic: Array, axis: int, mask: Mask | None
) -> Iterator[tuple[Array, Array, Mask | None]]:
    for index in range(reference.shape[axis]):
        part = None if mask is None else np.take(mask, index, axis)
        if part is None or part.any():
            yield np.take(reference, index, axis), np.take(synthetic, index, axis), part
