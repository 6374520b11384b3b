"""Planted wrong segmentations: a case's labels traded, eroded, dilated or shifted, the same whenever it is asked for."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.recipes.mislabelling_schema import PlantedMislabelling

Labels = NDArray[Any]


def mislabel(labels: Labels, mislabelling: PlantedMislabelling, case: str) -> Labels:
    """Return the damaged labels of a case.

    Args:
        labels: integers `(I, J, K)`; 0 is no structure.
        mislabelling: what the recipe plants.
        case: id of the case, whose draws are its own.
    """
    draw = np.random.default_rng([mislabelling.seed, zlib.crc32(case.encode())])
    match mislabelling.kind:
        case "swap":
            return _swap(labels, mislabelling.step / 100, draw)
        case "erode":
            return _erode(labels, mislabelling.step)
        case "dilate":
            return _dilate(labels, mislabelling.step, draw)
        case "shift":
            return _shift(labels, mislabelling.step, draw)


def _swap(labels: Labels, share: float, draw: np.random.Generator) -> Labels:
    """Let a share of the labels trade places in a ring; there is nothing to trade with where there is but one."""
    present = np.unique(labels[labels != 0])
    n_traded = min(len(present), max(2, round(share * len(present))))
    if n_traded < 2:
        return labels
    ring = draw.permutation(present)[:n_traded]
    swapped = labels.copy()
    for before, after in zip(ring, np.roll(ring, 1), strict=True):
        swapped[labels == before] = after
    return swapped


def _erode(labels: Labels, voxels: float) -> Labels:
    """Leave of every label what lies farther than so many voxels from anything else; the volume's border is no rim."""
    eroded = np.zeros_like(labels)
    for label, part in _surroundings(labels, voxels):
        own = labels[part] == label
        eroded[part][own & (_distance(own) > voxels)] = label
    return eroded


def _dilate(labels: Labels, voxels: float, draw: np.random.Generator) -> Labels:
    """Let labels grow by so many voxels, in a drawn order: the later ones over the earlier ones and over their rims."""
    dilated = labels.copy()
    places = dict(_surroundings(labels, voxels))
    for label in draw.permutation(list(places)):
        part = places[int(label)]
        dilated[part][_distance(labels[part] != label) <= voxels] = label
    return dilated


def _shift(labels: Labels, voxels: float, draw: np.random.Generator) -> Labels:
    """Move the labels by so many voxels in a drawn direction, at the nearest voxel; 0 comes in from outside."""
    direction = draw.standard_normal(3)
    way = np.rint(voxels * direction / np.linalg.norm(direction)).astype(int)
    moved: Labels = ndimage.shift(labels, way, order=0, mode="grid-constant", cval=0, prefilter=False)
    return moved


def _surroundings(labels: Labels, voxels: float) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Yield each label but 0 with the part of the volume that it and what is so near to it lie in."""
    margin = math.ceil(voxels) + 1
    boxes = ndimage.find_objects(labels)
    for label, box in enumerate(boxes, start=1):
        if box is not None:
            yield label, tuple(slice(max(0, side.start - margin), side.stop + margin) for side in box)


def _distance(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how far each voxel lies from the nearest that is not inside, in voxels; infinite where all are."""
    if inside.all():
        return np.full(inside.shape, np.inf)
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(inside)
    return distance
