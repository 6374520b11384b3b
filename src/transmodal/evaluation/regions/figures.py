"""Figures of an image inside each label of a segmentation."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class RegionValues(NamedTuple):
    """The values of one region.

    Attributes:
        label: its number, above 0.
        n: voxels.
        mean: of their values; NaN without voxels, as are the others.
        median: of their values.
        sd: sample standard deviation; NaN below two voxels.
    """

    label: int
    n: int
    mean: float
    median: float
    sd: float


def by_label(values: NDArray[Any], labels: NDArray[np.integer[Any]]) -> tuple[RegionValues, ...]:
    """Return the figures of every label above 0 that is there, in ascending order.

    Args:
        values: of any shape, finite.
        labels: of the same shape, 0 or more.
    """
    inside = labels > 0
    numbers = labels[inside]
    order = np.argsort(numbers, kind="stable")
    present, starts = np.unique(numbers[order], return_index=True)
    parts = np.split(np.asarray(values[inside], np.float64)[order], starts[1:])
    return tuple(_figures(int(label), part) for label, part in zip(present, parts, strict=False))


def without_voxels(label: int) -> RegionValues:
    """Return the figures of a region that a case does not have."""
    return RegionValues(label, 0, math.nan, math.nan, math.nan)


def _figures(label: int, values: NDArray[np.float64]) -> RegionValues:
    sd = float(values.std(ddof=1)) if values.size > 1 else math.nan
    return RegionValues(label, values.size, float(values.mean()), float(np.median(values)), sd)
