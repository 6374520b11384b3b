"""Windows: slices, slabs and patches out of a volume and back; training and inference cut alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.volumes import lines
from transmodal.volumes.cutting import Cutting, Fit, Kind, Side, Window, places, sides_of
from transmodal.volumes.lattice import filled
from transmodal.volumes.stitcher import Stitcher, overlap

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
    sides = sides_of(array.shape, window.axis, cutting)
    held = _channels_first(_held(array, window, cutting.depth, sides))
    padded = (sides[0].padded, sides[1].padded)
    dtype = held.dtype if labels else np.dtype(np.float32)
    if held.shape[2:] == padded:
        stack = np.array(held, dtype=dtype, order="C")
    else:
        stack = filled((*held.shape[:2], *padded), fill, dtype)
        stack[..., sides[0].put, sides[1].put] = held
    return _resized(stack.reshape(-1, *padded), sides, labels=labels)


def foreground_fraction(mask: NDArray[Any], window: Window, cutting: Cutting) -> float:
    """Return the share of a window's area, or of a patch's volume, that lies in a mask `(I, J, K)`.

    Of a slab the centre slice counts. It is taken before a slice is resized.
    """
    if window.axis < 0:
        size = cutting.size or ()
        within, _ = overlap(window.start, size, mask.shape)
        return np.count_nonzero(np.asarray(mask)[within]) / float(np.prod(size))
    sides = sides_of(mask.shape, window.axis, cutting)
    return np.count_nonzero(_held(mask, window, 1, sides)) / float(sides[0].padded * sides[1].padded)


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
        if side.out == side.padded:
            continue
        if labels:
            index = lines.nearest(side.padded, lines.resized(side.padded, side.out))
            stack = stack.take(index, axis=axis)
        else:
            stack = lines.along(lines.resizing(side.padded, side.out), stack, axis)
    return stack
