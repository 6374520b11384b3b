"""Smooth blobs for tests of anatomy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def blob(
    shape: tuple[int, int, int], centre: tuple[float, float, float], width: float
) -> NDArray[np.float64]:
    axes = np.meshgrid(*[np.arange(n) - c for n, c in zip(shape, centre, strict=True)], indexing="ij")
    field: NDArray[np.float64] = np.exp(-sum(axis**2 for axis in axes) / (2 * width**2))
    return field
