"""Several passes over one volume made one, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Fuse = Literal["mean", "median"]


def fuse(passes: Sequence[NDArray[Any]], how: Fuse = "mean") -> NDArray[np.float32]:
    """Fuse volumes of one shape voxel by voxel, by mean or median.

    Args:
        passes: one array per axis, all of one shape.
        how: `mean` or `median`.
    """
    if len(passes) == 1:
        return np.asarray(passes[0], dtype=np.float32)
    stack = np.stack(passes)
    fused: NDArray[np.float32] = (np.mean if how == "mean" else np.median)(stack, axis=0).astype(np.float32)
    return fused


def plane_disagreement(passes: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    """Return the standard deviation over the passes, voxel by voxel, in their unit.

    It says where the planes, or several draws of noise, contradict each other. It is no calibrated uncertainty.
    """
    spread: NDArray[np.float32] = np.std(np.stack(passes), axis=0).astype(np.float32)
    return spread
