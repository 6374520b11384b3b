"""Connected parts and holes of masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


def largest_component(mask: NDArray[Any]) -> Mask:
    """Return the largest of the face-connected parts of a mask; the first one of equals."""
    labels, n = ndimage.label(mask)
    if n == 0:
        return np.zeros(mask.shape, dtype=bool)
    return np.asarray(labels == np.bincount(labels.ravel())[1:].argmax() + 1)


def fill_holes(mask: NDArray[Any]) -> Mask:
    """Return a mask without the holes that it encloses in three dimensions."""
    return np.asarray(ndimage.binary_fill_holes(mask))
