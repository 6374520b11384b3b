"""Windows: slices, slabs and patches out of a volume and back; training and inference cut alike."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.volumes.geometry import banded
from transmodal.volumes.geometry.exact_regrid import filled_array
from transmodal.volumes.windows import fitting
from transmodal.volumes.windows.fitting import Side
from transmodal.volumes.windows.spec import Cutting, Fit, Kind, Window, list_windows
from transmodal.volumes.windows.stitcher import Stitcher, overlap

__all__ = ["Cutting", "Fit", "Kind", "Stitcher", "Window", "cut", "foreground_fraction", "list_windows"]


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
        return _cut_patch(array, window, cutting, fill, labels=labels)
    sides = fitting.sides_of(array.shape, window.axis, cutting)
    voxels = _channels_first(_read_voxels(array, window, cutting.depth, sides))
    stack = voxels.reshape(-1, *voxels.shape[2:])
    if any(side.resizes for side in sides):
        stack = _resize(stack if labels else stack.astype(np.float32), sides, labels=labels)
    return _pad(stack, sides, fill, stack.dtype if labels else np.dtype(np.float32))


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
    return np.count_nonzero(_read_voxels(mask, window, 1, sides)) / area


def _read_voxels(array: NDArray[Any], window: Window, depth: int, sides: tuple[Side, Side]) -> NDArray[Any]:
    """Return the voxels that a window holds, `(depth, H, W)` or `(depth, H, W, C)`, not yet copied."""
    index, half = window.start[window.axis], depth // 2
    low, high = max(0, index - half), min(array.shape[window.axis], index + half + 1)
    selection = [side.voxels for side in sides]
    selection.insert(window.axis, slice(low, high))
    voxels = np.asarray(array)[tuple(selection)]
    # Slices that alternate in memory are read in one pass, not in one pass each.
    slices = np.moveaxis(np.ascontiguousarray(voxels) if depth > 1 else voxels, window.axis, 0)
    if high - low == depth:
        return slices
    neighbours: NDArray[Any] = slices[np.clip(np.arange(index - half, index + half + 1), low, high - 1) - low]
    return neighbours


def _cut_patch(
    array: NDArray[Any], window: Window, cutting: Cutting, fill: float, *, labels: bool
) -> NDArray[Any]:
    size = cutting.size or ()
    within, of = overlap(window.start, size, array.shape[:3])
    voxels = _channels_first(np.asarray(array)[within])
    dtype = voxels.dtype if labels else np.dtype(np.float32)
    if voxels.shape[1:] == size:
        return np.array(voxels, dtype=dtype, order="C")
    patch = filled_array((len(voxels), *size), fill, dtype)
    patch[(slice(None), *of)] = voxels
    return patch


def _channels_first(voxels: NDArray[Any]) -> NDArray[Any]:
    return voxels[None] if voxels.ndim == 3 else np.moveaxis(voxels, -1, 0)


def _resize(stack: NDArray[Any], sides: tuple[Side, Side], *, labels: bool) -> NDArray[Any]:
    for axis, side in enumerate(sides, start=1):
        if not side.resizes:
            continue
        if labels:
            stack = stack.take(fitting.nearest_voxels(side), axis=axis)
        else:
            stack = banded.multiply_axis(fitting.resize_bands(side), stack, axis)
    return stack


def _pad(stack: NDArray[Any], sides: tuple[Side, Side], fill: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    size = (len(stack), sides[0].out, sides[1].out)
    if stack.shape == size:
        return np.array(stack, dtype=dtype, order="C")
    padded = filled_array(size, fill, dtype)
    padded[:, sides[0].pixels, sides[1].pixels] = stack
    return padded
