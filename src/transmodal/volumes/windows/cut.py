"""Windows: slices, slabs and patches out of a volume and back; training and inference cut alike."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.volumes.geometry import interpolation
from transmodal.volumes.geometry.exact_regrid import filled
from transmodal.volumes.windows import fitting
from transmodal.volumes.windows.fitting import Side
from transmodal.volumes.windows.spec import Cutting, Fit, Kind, Window, places
from transmodal.volumes.windows.stitcher import Stitcher, overlap

__all__ = ["Cutting", "Fit", "Kind", "Stitcher", "Window", "cut", "foreground_fraction", "places"]


def cut(
    array: NDArray[Any], window: Window, cutting: Cutting, *, fill: float, labels: bool = False
) -> NDArray[Any]:
    """Cut a window; only the voxels that it needs are read.

    Args:
        array: `(I, J, K)` or `(I, J, K, 3)`, may be memory-mapped; finite.
        window: which.
        cutting: how. Slices of axis 0 have sides J, K, of axis 1 I, K, of axis 2 I, J: no axis is swapped.
        fill: value beyond the volume.
        labels: keep the type and take the nearest voxel instead of interpolating.

    Returns:
        `(C, H, W)` for a slice, `(C * depth, H, W)` for a slab (channel by channel), `(C, D, H, W)` for a
        patch; a new array, float32 unless `labels`.

    Raises:
        UsageError: E001 when labels are of a type that cannot hold `fill`.
    """
    if window.axis < 0:
        return _patch(array, window, cutting, fill, labels=labels)
    sides = fitting.sides_of(array.shape, window.axis, cutting)
    held = _channels_first(_held(array, window, cutting.depth, sides))
    stack = held.reshape(-1, *held.shape[2:])
    if any(side.resizes for side in sides):
        stack = _resized(stack if labels else stack.astype(np.float32), sides, labels=labels)
    return _padded(stack, sides, fill, stack.dtype if labels else np.dtype(np.float32))


def foreground_fraction(mask: NDArray[Any], window: Window, cutting: Cutting) -> float:
    """Return the share of a window's area, or of a patch's volume, that lies in a mask `(I, J, K)`.

    Of a slab the centre slice counts. It is taken before a slice is resized.
    """
    if window.axis < 0:
        size = cutting.size or ()
        within, _ = overlap(window.start, size, mask.shape)
        return np.count_nonzero(np.asarray(mask)[within]) / prod(size)
    sides = fitting.sides_of(mask.shape, window.axis, cutting)
    area = sides[0].out * sides[0].scale * sides[1].out * sides[1].scale
    return np.count_nonzero(_held(mask, window, 1, sides)) / area


def _held(array: NDArray[Any], window: Window, depth: int, sides: tuple[Side, Side]) -> NDArray[Any]:
    """Return the voxels that a window holds, `(depth, H, W)` or `(depth, H, W, C)`, not yet copied."""
    index, half = window.start[window.axis], depth // 2
    low, high = max(0, index - half), min(array.shape[window.axis], index + half + 1)
    where = [side.held for side in sides]
    where.insert(window.axis, slice(low, high))
    taken = np.asarray(array)[tuple(where)]
    # Slices that alternate in memory are read in one pass, not in one pass each.
    slices = np.moveaxis(np.ascontiguousarray(taken) if depth > 1 else taken, window.axis, 0)
    if high - low == depth:
        return slices
    neighbours: NDArray[Any] = slices[np.clip(np.arange(index - half, index + half + 1), low, high - 1) - low]
    return neighbours


def _patch(
    array: NDArray[Any], window: Window, cutting: Cutting, fill: float, *, labels: bool
) -> NDArray[Any]:
    size = cutting.size or ()
    within, of = overlap(window.start, size, array.shape[:3])
    held = _channels_first(np.asarray(array)[within])
    dtype = held.dtype if labels else np.dtype(np.float32)
    if held.shape[1:] == size:
        return np.array(held, dtype=dtype, order="C")
    patch = filled((len(held), *size), fill, dtype)
    patch[(slice(None), *of)] = held
    return patch


def _channels_first(voxels: NDArray[Any]) -> NDArray[Any]:
    return voxels[None] if voxels.ndim == 3 else np.moveaxis(voxels, -1, 0)


def _resized(stack: NDArray[Any], sides: tuple[Side, Side], *, labels: bool) -> NDArray[Any]:
    for axis, side in enumerate(sides, start=1):
        if not side.resizes:
            continue
        if labels:
            stack = stack.take(fitting.nearest(side), axis=axis)
        else:
            stack = interpolation.along(fitting.into(side), stack, axis)
    return stack


def _padded(stack: NDArray[Any], sides: tuple[Side, Side], fill: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    size = (len(stack), sides[0].out, sides[1].out)
    if stack.shape == size:
        return np.array(stack, dtype=dtype, order="C")
    padded = filled(size, fill, dtype)
    padded[:, sides[0].put, sides[1].put] = stack
    return padded
