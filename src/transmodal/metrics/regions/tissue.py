"""Errors by region: tissue by HU, a user's label map, or deciles of the reference.

Regions come from the reference, never from the synthetic image. A region without voxels is a row with n =
0 and figures of NaN, which tables write as null: its absence is a finding, and not a figure of 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from transmodal.metrics.checks import Array, Float, Mask, check_pair, no_content


class TissueInterval(NamedTuple):
    """A half-open interval of HU, `low <= HU < high`."""

    name: str
    low_hu: float
    high_hu: float


TISSUES = (
    TissueInterval("air", -math.inf, -200),
    TissueInterval("soft tissue", -200, 250),
    TissueInterval("bone", 250, math.inf),
)
"""Common bounds: the field has no one rule, and a study may give its own."""


class RegionFigures(NamedTuple):
    """The figures of one region, in the unit of the values.

    Attributes:
        name: of the region.
        n: how many voxels.
        mae: mean absolute difference; lower is better.
        bias: mean of synthetic less reference; 0 is best.
        spread: standard deviation of that difference; lower is better.
        reference_mean: mean of the reference.
        synthetic_mean: mean of the synthetic image.
    """

    name: str
    n: int
    mae: float
    bias: float
    spread: float
    reference_mean: float
    synthetic_mean: float


def by_tissue(
    reference: Array,
    synthetic: Array,
    *,
    mask: Mask | None = None,
    tissues: Iterable[TissueInterval] = TISSUES,
) -> tuple[RegionFigures, ...]:
    """Return the figures of air, soft tissue and bone, by the reference's HU.

    Args:
        reference: CT in HU, of any shape.
        synthetic: the translator's image, of the same shape.
        mask: bool, of the same shape; without one the air around the patient counts as air.
        tissues: the intervals.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
    """
    check_pair(reference, synthetic, mask)
    x, y = _inside(mask, reference, synthetic)
    return tuple(
        _figures(x, y, (x >= tissue.low_hu) & (x < tissue.high_hu), tissue.name) for tissue in tissues
    )


def by_label(
    reference: Array, synthetic: Array, labels: Array, *, mask: Mask | None = None
) -> tuple[RegionFigures, ...]:
    """Return the figures of every label above 0, in ascending order; the name is the label's number.

    Args:
        reference: the target as measured.
        synthetic: the translator's image, of the same shape.
        labels: integers, of the same shape; 0 is background.
        mask: bool, of the same shape; a label outside it keeps its row, with n = 0.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask
            or a label map without a label above 0.
    """
    check_pair(reference, synthetic, labels > 0)
    check_pair(reference, synthetic, mask)
    x, y, own = _inside(mask, reference, synthetic, labels)
    return tuple(_figures(x, y, own == label, str(int(label))) for label in np.unique(labels[labels > 0]))


def by_decile(
    reference: Array, synthetic: Array, *, mask: Mask | None = None, parts: int = 10
) -> tuple[RegionFigures, ...]:
    """Return the figures of parts of equal size by the reference's values, the lowest first.

    For FA and MR, where no value says which tissue it is. Equal values stay in one part, so parts may differ
    in size.

    Args:
        reference: the target as measured.
        synthetic: the translator's image, of the same shape.
        mask: bool, of the same shape.
        parts: how many; 10 gives deciles.

    Raises:
        InputError: E130, E120 and E124 as `by_tissue`; E124 for a reference with one value only.
    """
    check_pair(reference, synthetic, mask)
    x, y = _inside(mask, reference, synthetic)
    edges = np.quantile(np.asarray(x, np.float64), np.arange(1, parts) / parts)
    if np.ptp(x) == 0:
        raise no_content(
            "a reference with one value only",
            "a reference whose values can be put in order",
            "Give a label map instead of deciles.",
        )
    part = np.searchsorted(edges, x, side="left")
    return tuple(_figures(x, y, part == number, f"{number + 1} of {parts}") for number in range(parts))


def _inside(mask: Mask | None, *images: Array) -> tuple[Array, ...]:
    """Return the voxels that count, in one row per image: each region then looks at no other."""
    return tuple(image.reshape(-1) if mask is None else image[mask] for image in images)


def _figures(reference: Array, synthetic: Array, region: Mask, name: str) -> RegionFigures:
    n = int(np.count_nonzero(region))
    if n == 0:
        return RegionFigures(name, 0, *(math.nan,) * 5)
    x: Float = np.asarray(reference[region], np.float64)
    y: Float = np.asarray(synthetic[region], np.float64)
    off = y - x
    return RegionFigures(
        name,
        n,
        mae=float(np.abs(off).mean()),
        bias=float(off.mean()),
        spread=float(off.std()),
        reference_mean=float(x.mean()),
        synthetic_mean=float(y.mean()),
    )
