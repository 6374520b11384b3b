"""Plane channels: which axis a window's slices follow one another along, as constant channels beside its sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

N_PLANES = 3
"""Axes of a volume, x, y and z, and so channels that tell which of them a slice belongs to."""


def plane_channels(axis: int, sides: Sequence[int]) -> NDArray[np.float32]:
    """Return channels of which that of the axis is 1 everywhere and the others are 0, `(3, H, W)`.

    Args:
        axis: 0 to 2, along which the slices follow one another.
        sides: of the window.
    """
    channels = np.zeros((N_PLANES, *sides), np.float32)
    channels[axis] = 1
    return channels
