"""Means over blocks of voxels: a coarse image in about the time that reading the fine one takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def block_means(voxels: NDArray[Any], factors: Sequence[int]) -> Floats:
    """Return means over blocks of `factors` voxels; what does not fill a block at the end is left out.

    Sums are float32, so that those of integers below 2^24 are exact.

    Args:
        voxels: `(I, J, K)`, any numbers.
        factors: voxels of a block along each axis; no more than there are.
    """
    counts = [n // factor for n, factor in zip(voxels.shape, factors, strict=True)]
    whole = voxels[tuple(slice(n * factor) for n, factor in zip(counts, factors, strict=True))]
    along_i, along_j, along_k = factors
    means = np.empty(counts, np.float32)
    # One layer of blocks after another: it stays in the cache from the first axis to the last.
    for layer, mean in enumerate(means):
        planes = whole[layer * along_i : (layer + 1) * along_i]
        rows = _sum_neighbours(planes, along_i)[0]
        mean[...] = _sum_neighbours(_sum_neighbours(rows, along_j).T, along_k).T
    means /= np.float32(math.prod(factors))
    return means


def _sum_neighbours(values: NDArray[Any], factor: int) -> Floats:
    """Return sums over `factor` neighbours along the first axis."""
    sums: Floats = values[::factor].astype(np.float32)
    for start in range(1, factor):
        sums += values[start::factor]
    return sums
