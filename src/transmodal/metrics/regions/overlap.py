"""Agreement of two segmentations: Dice and the 95th percentile Hausdorff distance, per structure.

Dice, "Measures of the amount of ecologic association between species", Ecology 26(3), 1945; Huttenlocher et al.,
"Comparing images using the Hausdorff distance", IEEE TPAMI 15(9), 1993.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError, UsageError
from transmodal.metrics.checks import Array, Mask

Spacing = tuple[float, float, float]


class StructureFigures(NamedTuple):
    """Agreement of one structure.

    Attributes:
        label: the structure's number in the label maps.
        dice: 0 to 1, higher is better; NaN where neither has the structure.
        hd95_mm: in mm, lower is better; NaN where neither has the structure.
        n_reference: voxels of the structure in the reference's segmentation.
        n_synthetic: in the synthetic image's.
    """

    label: int
    dice: float
    hd95_mm: float
    n_reference: int
    n_synthetic: int


class Overall(NamedTuple):
    """The mean over the structures that either segmentation has; NaN where there is none."""

    dice: float
    hd95_mm: float


def dice(reference: Mask, synthetic: Mask) -> float:
    """Return twice the common volume by the sum of both; unit 1, higher is better.

    A structure in only one of them gives 0; one in neither gives NaN, which is no figure.

    Args:
        reference: bool `(I, J, K)`, a structure in the segmentation of the target as measured.
        synthetic: bool, of the same shape, in the segmentation of the translator's image.

    Raises:
        InputError: E130 for shapes that differ.
    """
    _check(reference, synthetic)
    total = int(np.count_nonzero(reference)) + int(np.count_nonzero(synthetic))
    return 2 * int(np.count_nonzero(reference & synthetic)) / total if total else math.nan


def hd95(reference: Mask, synthetic: Mask, spacing_mm: Spacing) -> float:
    """Return the larger of both 95th percentiles of the distances from one surface to the other, in mm.

    A surface is made of the voxels of a structure that have one of six neighbours outside it, or that lie at
    the volume's border; distances are between voxel centres. A structure that only one of them has gives the
    diagonal of the volume, which no distance exceeds: to lose a structure is never better than to misplace it.
    One that neither has gives NaN.

    Args:
        reference: as in `dice`.
        synthetic: as in `dice`.
        spacing_mm: of the voxels.

    Raises:
        InputError: E130 for shapes that differ.
        UsageError: E001 for a spacing that is not positive and finite.
    """
    _check(reference, synthetic)
    if not all(math.isfinite(step) and step > 0 for step in spacing_mm):
        raise UsageError("E001", f"a spacing of {spacing_mm} mm", "positive lengths", "Check the header.")
    present = bool(reference.any()), bool(synthetic.any())
    if not any(present):
        return math.nan
    if not all(present):
        return float(math.hypot(*((n - 1) * mm for n, mm in zip(reference.shape, spacing_mm, strict=True))))
    box = ndimage.find_objects((reference | synthetic).astype(np.uint8))[0]
    surface_x, surface_y = _surface(reference[box]), _surface(synthetic[box])
    return max(_percentile(surface_x, surface_y, spacing_mm), _percentile(surface_y, surface_x, spacing_mm))


def by_structure(
    reference: Array, synthetic: Array, spacing_mm: Spacing, labels: Sequence[int] | None = None
) -> tuple[StructureFigures, ...]:
    """Return the figures of every structure, in ascending order of the labels.

    Args:
        reference: label map of the target as measured, integers `(I, J, K)`; 0 is background.
        synthetic: of the translator's image, of the same shape.
        spacing_mm: of the voxels.
        labels: which structures there are; None takes those above 0 that either map has.

    Raises:
        InputError: E130 for shapes that differ.
        UsageError: E001 as `hd95`.
    """
    _check(reference, synthetic)
    if labels is None:
        labels = [int(label) for label in np.union1d(reference, synthetic) if label > 0]
    figures = []
    for label in sorted(labels):
        of_reference, of_synthetic = reference == label, synthetic == label
        n = int(np.count_nonzero(of_reference)), int(np.count_nonzero(of_synthetic))
        figures.append(
            StructureFigures(
                label, dice(of_reference, of_synthetic), hd95(of_reference, of_synthetic, spacing_mm), *n
            )
        )
    return tuple(figures)


def overall(figures: Iterable[StructureFigures]) -> Overall:
    """Return the mean over the structures, each counting once; those that neither has are left out."""
    present = [structure for structure in figures if structure.n_reference or structure.n_synthetic]
    if not present:
        return Overall(math.nan, math.nan)
    return Overall(
        math.fsum(structure.dice for structure in present) / len(present),
        math.fsum(structure.hd95_mm for structure in present) / len(present),
    )


def _surface(structure: Mask) -> Mask:
    inner: Mask = ndimage.binary_erosion(structure)
    return structure & ~inner


def _percentile(start: Mask, goal: Mask, spacing_mm: Spacing) -> float:
    away: NDArray[np.float64] = ndimage.distance_transform_edt(~goal, sampling=spacing_mm)
    return float(np.percentile(away[start], 95))


def _check(reference: Array, synthetic: Array) -> None:
    if reference.shape != synthetic.shape or reference.ndim != 3:
        raise InputError(
            "E130",
            f"segmentations of shapes {reference.shape} and {synthetic.shape}",
            "two volumes of one shape",
            "Bring both onto the reference's grid, by the nearest voxel.",
        )
