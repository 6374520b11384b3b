"""Regions of a volume that count: everything, the body, the brain; computed from the volume alone.

`prepare` and `translate` call the same function on a source, so that both normalise it alike.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError
from transmodal.volumes.geometry import reorient
from transmodal.volumes.geometry.working_pair import coarsen
from transmodal.volumes.regions.brain import find_brain
from transmodal.volumes.regions.components import fill_holes, largest_component
from transmodal.volumes.volume import Volume

Kind = Literal["whole", "body", "brain", "around_brain"]
Mask = NDArray[np.bool_]

_WORK_MM = 2.0
_OPEN_MM, _CLOSE_MM = 3.0, 8.0  # thinner things than the first (tables, straps) go, narrower gaps close
_AROUND_MM = 5.0
_AIR_HU = -200.0  # a background below it is air in Hounsfield units


class Region(NamedTuple):
    """The part of a volume that counts, `(I, J, K)`, and how it was found, for the record."""

    mask: Mask
    method: str


def find_region(volume: Volume, kind: Kind) -> Region:
    """Return the part of a volume that counts.

    Args:
        volume: any for `whole`, grey for the others; any orientation and spacing.
        kind: `whole`; `body`, what is not air around it; `brain`, without skull and scalp; `around_brain`, with
            5 mm more on all sides, for targets in which the fluid at the brain's rim is bright.

    Raises:
        InputError: E124 when nothing is found, E122 for colour, E112 for a brain on a sheared grid.
    """
    if kind == "whole":
        return Region(np.ones(volume.voxels.shape[:3], dtype=bool), "whole")
    if volume.is_colour:
        raise InputError("E122", "a colour volume", f"a grey one to find the {kind} in", "Use region whole.")
    if volume.voxels.min() == volume.voxels.max():
        constant = f"a volume that is {volume.voxels.flat[0]} everywhere"
        raise InputError("E124", constant, f"a {kind} in it", "Check the file.")
    if kind == "body":
        return _find_body(volume)
    brain_region = Region(*find_brain(volume))
    return brain_region if kind == "brain" else _grow(brain_region, volume)


def _grow(brain_region: Region, volume: Volume) -> Region:
    away = ndimage.distance_transform_edt(~brain_region.mask, sampling=volume.spacing)
    return Region(np.asarray(away <= _AROUND_MM), f"{brain_region.method}, grown by {_AROUND_MM:g} mm")


def _find_body(volume: Volume) -> Region:
    work = coarsen(volume, _WORK_MM)
    threshold = _threshold(ndimage.gaussian_filter(work.voxels, 0.7))
    bright = _fill_planes(work.voxels > threshold)  # a thin scalp is no thin thing once it is filled
    opened = _apply_ball(ndimage.binary_opening, bright, work, _OPEN_MM)
    solid = largest_component(opened if opened.any() else bright)
    closed = _fill_planes(_apply_ball(ndimage.binary_closing, solid, work, _CLOSE_MM))
    mask = reorient.resample(work.with_voxels(closed.astype(np.float32)), volume.grid).voxels > 0.5
    if not mask.any():
        raise InputError("E124", f"no body above {threshold:.4g}", "a body in air", "Use region whole.")
    return Region(np.asarray(mask), f"body: above {threshold:.4g}, largest component, closed, filled")


def _fill_planes(mask: Mask) -> Mask:
    """Fill the holes of each axial plane and of the whole: airways open at the volume's end."""
    return fill_holes(np.stack([fill_holes(plane) for plane in np.moveaxis(mask, 2, 0)], axis=2))


def _threshold(values: NDArray[np.floating[Any]]) -> float:
    """Return the threshold between body and air: Otsu's, in MR lowered towards the noise that is in the air.

    In MR Otsu's threshold lies among the tissues, some of which are as dark as a fifth of it.
    """
    low, high = np.percentile(values, (0.5, 99.5))
    otsu = _otsu(np.clip(values, low, high)) if high > low else float(values.min())
    air = values[values <= otsu]
    middle = float(np.median(air))
    if middle < _AIR_HU:
        return otsu
    noise = 1.4826 * float(np.median(np.abs(air - middle)))
    return min(otsu, max(middle + 4 * noise, middle + 0.2 * (otsu - middle)))


def _otsu(values: NDArray[np.floating[Any]], n: int = 256) -> float:
    """Return the threshold that parts the histogram with the greatest variance between its two sides."""
    counts, edges = np.histogram(values, bins=n)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * centres)
    gap = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1 + np.argmax(below * above * gap**2)])


def _apply_ball(morphology: Any, mask: Mask, work: Volume, radius_mm: float) -> Mask:  # noqa: ANN401
    """Open or close by a ball of `radius_mm`, with air around the volume's edges."""
    reach = [int(radius_mm / spacing) for spacing in work.spacing]
    i, j, k = np.ogrid[tuple(slice(-n, n + 1) for n in reach)]
    x, y, z = work.spacing
    ball = (i * x) ** 2 + (j * y) ** 2 + (k * z) ** 2 <= radius_mm**2
    padded = np.pad(mask, [(n, n) for n in reach], mode="edge")
    inner = tuple(slice(n, n + size) for n, size in zip(reach, mask.shape, strict=True))
    return np.asarray(morphology(padded, ball)[inner])
