"""Connected parts and holes of masks; work is done only in the box of what is set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


def largest_component(mask: NDArray[Any]) -> Mask:
    """Return the largest of the face-connected parts of a mask; the first one of equals."""
    largest = np.zeros(mask.shape, dtype=bool)
    box = _box(mask)
    labels, n = ndimage.label(mask[box])
    if n > 0:
        largest[box] = labels == np.bincount(labels.ravel())[1:].argmax() + 1 if n > 1 else labels > 0
    return largest


def fill_holes(mask: NDArray[Any]) -> Mask:
    """Return a mask without the holes that it encloses in all its dimensions."""
    filled = np.zeros(mask.shape, dtype=bool)
    box = _box(mask)
    outside, _ = ndimage.label(np.pad(mask[box] == 0, 1, constant_values=True))
    filled[box] = (outside != outside.flat[0])[(slice(1, -1),) * mask.ndim]
    return filled


def _box(mask: NDArray[Any]) -> tuple[slice, ...]:
    """Return the smallest box that holds what is set; an empty one where nothing is."""
    box = []
    for axis in range(mask.ndim):
        is_set = np.flatnonzero(
            mask.any(axis=tuple(other_axis for other_axis in range(mask.ndim) if other_axis != axis))
        )
        box.append(slice(int(is_set[0]), int(is_set[-1]) + 1) if is_set.size else slice(0, 0))
    return tuple(box)
