"""Lesions whose place is known: contrast, detectability and volume in an image, and look-alikes where there is none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.volumes import Volume

Flags = NDArray[np.bool_]
Shares = NDArray[np.floating]

CORE = 0.5
"""Coverage from which on a voxel is lesion."""
WHITE = 0.9
"""Share of white matter from which on a voxel may be compared with a lesion."""
NEAR_MM, FAR_MM = 3.0, 12.0
"""Between these distances the white matter around a lesion is what it is compared with."""
SMALLEST_ML = 0.1
"""Volume from which on a group of voxels looks like a lesion."""
FEWEST = 3
"""Voxels of a core, and ten times as many around it, below which nothing is measured."""


class Surroundings(NamedTuple):
    """Where a lesion is, and what it is compared with, flags `(I, J, K)`.

    Attributes:
        core: voxels that are at least half lesion.
        around: white matter near it without any lesion.
        reach: the core and the voxels next to it, in which its volume is taken.
    """

    core: Flags
    around: Flags
    reach: Flags


class LesionFigures(NamedTuple):
    """One lesion in one image.

    Attributes:
        contrast: mean of the core minus that of the white matter around, in the image's unit.
        detectability: chance that a voxel of the core lies beyond one around it, in the lesion's direction, 0 to 1;
            0.5 is chance.
        volume_ml: voxels in its reach that lie beyond the middle between the white matter around and the lesion as measured.
    """

    contrast: float
    detectability: float
    volume_ml: float


def surroundings(
    coverage: Shares, white: Shares, anywhere: Shares, spacing: tuple[float, float, float]
) -> Surroundings | None:
    """Return where a lesion is and what it is compared with; None where it, or what is around it, is too small.

    Args:
        coverage: share of every voxel that the lesion fills.
        white: share that is white matter or lesion.
        anywhere: share that any lesion fills.
        spacing: of the grid, mm.
    """
    core = coverage >= CORE
    if core.sum() < FEWEST:
        return None
    distance = ndimage.distance_transform_edt(~core, sampling=spacing)
    around = (white >= WHITE) & (anywhere < 0.02) & (distance > NEAR_MM) & (distance <= FAR_MM)
    if around.sum() < 10 * FEWEST:
        return None
    reach = ndimage.binary_dilation(core | (coverage > 0.02))
    return Surroundings(core, around, reach)


def measure(volume: Volume, place: Surroundings, contrast: float | None = None) -> LesionFigures:
    """Return the figures of a lesion in an image.

    Args:
        volume: the image.
        place: of the lesion.
        contrast: of the lesion as measured, which says its direction and the threshold of its volume; None where the image is
            the measured one.
    """
    inside, outside = volume.voxels[place.core], volume.voxels[place.around]
    own = float(inside.mean() - outside.mean())
    reference = own if contrast is None else contrast
    sign = 1.0 if reference >= 0 else -1.0
    beyond = sign * (volume.voxels - outside.mean()) > abs(reference) / 2
    voxel_ml = float(np.abs(np.linalg.det(volume.affine[:3, :3]))) / 1000
    return LesionFigures(
        own, _auc(sign * inside, sign * outside), float((beyond & place.reach).sum()) * voxel_ml
    )


def look_alikes(volume: Volume, white: Shares, anywhere: Shares, contrast: float) -> NDArray[np.int32]:
    """Label groups of voxels in white matter that look like a lesion where none is.

    Args:
        volume: the image.
        white: share of every voxel that is white matter or lesion.
        anywhere: share that any lesion fills; voxels near one are left out.
        contrast: of the subject's lesions as measured.

    Returns:
        Labels from 1 on, 0 elsewhere, of groups of `SMALLEST_ML` or more.
    """
    spacing = np.sqrt((volume.affine[:3, :3] ** 2).sum(axis=0))
    near = ndimage.distance_transform_edt(anywhere < 0.02, sampling=spacing) <= 2 * NEAR_MM
    room = ndimage.binary_erosion(white >= WHITE) & ~near
    if not room.any():
        return np.zeros(room.shape, np.int32)
    level = float(np.median(volume.voxels[room]))
    sign = 1.0 if contrast >= 0 else -1.0
    beyond = room & (sign * (volume.voxels - level) > 0.75 * abs(contrast))
    labels, n = ndimage.label(beyond)
    sizes = ndimage.sum_labels(beyond, labels, np.arange(n + 1))
    voxel_ml = float(np.prod(spacing)) / 1000
    labels[(sizes * voxel_ml < SMALLEST_ML)[labels]] = 0
    return np.asarray(labels, np.int32)


def _auc(inside: NDArray[np.floating], outside: NDArray[np.floating]) -> float:
    """Return the chance that one of the first is greater than one of the second; ties count half."""
    ordered = np.sort(outside)
    below = np.searchsorted(ordered, inside, "left") + np.searchsorted(ordered, inside, "right")
    return float(below.mean() / (2 * len(ordered)))
