"""Windows: slices, slabs and patches out of a volume and back; training and inference cut alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InternalError, UsageError

Kind = Literal["slice", "slab", "patch"]
Fit = Literal["pad", "keep", "ignore"]


@dataclass(frozen=True, slots=True)
class Cutting:
    """How windows are cut.

    Attributes:
        kind: `slice` (2D), `slab` (2.5D: a slice with its neighbours as channels) or `patch` (3D).
        size: sides of a window; None pads slices up to `multiple` only.
        fit: how a slice comes to `size`: `pad` (or crop) around the centre, voxel for voxel; `keep`: pad to
            the size's aspect, then resize; `ignore`: resize each side by itself.
        depth: slices of a slab, odd; beyond the volume its edge slices repeat.
        overlap: share by which neighbouring patches overlap, 0 to below 1.
        multiple: sides of the windows are multiples of it.

    Raises:
        UsageError: E001 when these do not make a window.
    """

    kind: Kind = "slice"
    size: tuple[int, ...] | None = None
    fit: Fit = "pad"
    depth: int = 1
    overlap: float = 0.5
    multiple: int = 1

    def __post_init__(self) -> None:
        sides = 3 if self.kind == "patch" else 2
        problem = ""
        if self.size is not None and (len(self.size) != sides or min(self.size) < 1):
            problem = f"size {self.size} of a {self.kind}, which has {sides} sides"
        elif self.size is not None and any(side % self.multiple for side in self.size):
            problem = f"size {self.size}, of which a side is no multiple of {self.multiple}"
        elif self.size is None and (self.kind == "patch" or self.fit != "pad"):
            problem = f"kind {self.kind} with fit {self.fit} and no size"
        elif self.depth < 1 or self.depth % 2 == 0 or (self.depth > 1 and self.kind != "slab"):
            problem = f"depth {self.depth} of a {self.kind}"
        elif not 0 <= self.overlap < 1:
            problem = f"overlap {self.overlap}"
        if problem:
            raise UsageError(
                "E001",
                problem,
                "two sides for slices and slabs, three for patches; odd depth for slabs; overlap in [0, 1)",
                "Correct the recipe's windows.",
            )

    def centre(self) -> Cutting:
        """Return the cutting of what a window's translation is: of a slab its centre slice."""
        return replace(self, kind="slice", depth=1) if self.kind == "slab" else self

    def covering(self, shape: tuple[int, ...], axis: int | None) -> Cutting:
        """Return a cutting whose windows hold whole slices of this shape, for translating all of it."""
        if self.kind == "patch" or self.fit != "pad" or self.size is None or axis is None:
            return self
        plane = _plane(shape, axis)
        sides = [max(_round_up(n, self.multiple), side) for n, side in zip(plane, self.size, strict=True)]
        return replace(self, size=tuple(sides))


class Window(NamedTuple):
    """Where a window lies: the slice axis (-1 for patches) and the index of its first voxel."""

    axis: int
    start: tuple[int, int, int]


def places(shape: tuple[int, ...], cutting: Cutting, axis: int | None) -> list[Window]:
    """List the windows that cover a volume: every slice of `axis`, or every patch.

    Raises:
        UsageError: E001 when slices are asked for without an axis of 0 to 2.
    """
    if cutting.kind == "patch":
        return [Window(-1, start) for start in product(*_patch_starts(shape, cutting))]  # type: ignore[arg-type]  # three axes
    if axis not in (0, 1, 2):
        raise UsageError("E001", f"axis {axis}", "0, 1 or 2", "Name the slice axis.")
    starts = np.zeros((shape[axis], 3), dtype=int)
    starts[:, axis] = np.arange(shape[axis])
    return [Window(axis, (int(i), int(j), int(k))) for i, j, k in starts]


def cut(
    array: NDArray[Any], window: Window, cutting: Cutting, *, fill: float, labels: bool = False
) -> NDArray[Any]:
    """Cut a window; only the voxels that it needs are read.

    Args:
        array: `(I, J, K)` or `(I, J, K, 3)`, may be memory-mapped.
        window: which.
        cutting: how.
        fill: value beyond the volume.
        labels: keep the type and take the nearest voxel instead of interpolating.

    Returns:
        `(C, H, W)` for a slice, `(C * depth, H, W)` for a slab (channel by channel), `(C, D, H, W)` for a
        patch; float32 unless `labels`.
    """
    if window.axis < 0:
        return _typed(_patch(array, window.start, cutting, fill), labels=labels)
    index = window.start[window.axis]
    half = cutting.depth // 2
    neighbours = np.clip(np.arange(index - half, index + half + 1), 0, array.shape[window.axis] - 1)
    planes = [_sliced(array, window.axis, int(n)) for n in neighbours]
    stack = np.stack(planes, axis=1)  # (C, depth, H, W)
    stack = _typed(stack.reshape(-1, *stack.shape[2:]), labels=labels)
    for axis, side in enumerate(_sides(stack.shape[1:], cutting), start=1):
        stack = _fitted(stack, axis, side, fill, labels=labels)
    return stack


def foreground_fraction(mask: NDArray[Any], window: Window, cutting: Cutting) -> float:
    """Return the share of a window's voxels that lie in a mask."""
    return float((cut(mask, window, cutting.centre(), fill=0, labels=True) > 0).mean())


class Stitcher:
    """Puts windows back: slices where they were cut, patches blended smoothly where they overlap."""

    def __init__(self, shape: tuple[int, ...], cutting: Cutting, channels: int = 1) -> None:
        self._cutting = cutting.centre()
        self._sum = np.zeros((channels, *shape[:3]), dtype=np.float32)
        self._weight = np.zeros(shape[:3], dtype=np.float32)
        self._blend = _blend(cutting) if cutting.kind == "patch" else None

    def add(self, window: Window, values: NDArray[Any]) -> None:
        """Add one window's values, `(C, *S)` as `cut` gave them."""
        if self._blend is not None:
            self._add_patch(window.start, values, self._blend)
            return
        plane = _plane(self._sum.shape[1:], window.axis)
        sides = _sides(plane, self._cutting)
        values = np.asarray(values, dtype=np.float32)
        for axis, side in enumerate(sides, start=1):
            values = _unfitted(values, axis, side)
        where = (slice(None),) * window.axis + (window.start[window.axis],)
        self._sum[(slice(None), *where)] = values
        self._weight[where] = np.isfinite(values).all(axis=0)

    def result(self) -> NDArray[np.float32]:
        """Return `(I, J, K)`, or `(I, J, K, C)` for several channels.

        Raises:
            InternalError: E601 when a voxel was covered by no window.
        """
        if not (self._weight > 0).all():
            raise InternalError(
                "E601",
                f"{int((self._weight <= 0).sum())} voxels that no window covers",
                "windows that cover the volume",
                "Cut with Cutting.covering, and report this.",
            )
        whole = self._sum if self._blend is None else self._sum / self._weight
        return whole[0] if whole.shape[0] == 1 else np.ascontiguousarray(np.moveaxis(whole, 0, -1))

    def _add_patch(
        self, start: tuple[int, int, int], values: NDArray[Any], blend: NDArray[np.float32]
    ) -> None:
        into, of = _overlap(start, blend.shape, self._weight.shape)
        self._sum[(slice(None), *into)] += values[(slice(None), *of)] * blend[of]
        self._weight[into] += blend[of]


class _Side(NamedTuple):
    """One side of a plane: `n` voxels, padded (or cropped) to `padded`, resized to `out`."""

    n: int
    padded: int
    out: int


def _sides(plane: tuple[int, ...], cutting: Cutting) -> list[_Side]:
    if cutting.size is None:
        return [_Side(n, _round_up(n, cutting.multiple), _round_up(n, cutting.multiple)) for n in plane]
    if cutting.fit == "pad":
        return [_Side(n, side, side) for n, side in zip(plane, cutting.size, strict=True)]
    if cutting.fit == "ignore":
        return [_Side(n, n, side) for n, side in zip(plane, cutting.size, strict=True)]
    ratio = max(n / side for n, side in zip(plane, cutting.size, strict=True))
    return [_Side(n, max(n, round(ratio * side)), side) for n, side in zip(plane, cutting.size, strict=True)]


def _fitted(stack: NDArray[Any], axis: int, side: _Side, fill: float, *, labels: bool) -> NDArray[Any]:
    stack = _centred(stack, axis, side.padded, fill)
    if side.out == side.padded:
        return stack
    if labels:
        centres = (np.arange(side.out) + 0.5) * side.padded / side.out - 0.5
        nearest: NDArray[Any] = stack.take(
            np.clip(np.rint(centres).astype(int), 0, side.padded - 1), axis=axis
        )
        return nearest
    return _multiplied(stack, axis, side.padded, side.out)


def _unfitted(values: NDArray[np.float32], axis: int, side: _Side) -> NDArray[np.float32]:
    if side.out != side.padded:
        values = _multiplied(values, axis, side.out, side.padded)
    return _centred(values, axis, side.n, np.nan)


def _centred(stack: NDArray[Any], axis: int, length: int, fill: float) -> NDArray[Any]:
    """Pad or crop around the centre; a pad that is undone by a crop restores every voxel."""
    n = stack.shape[axis]
    if length == n:
        return stack
    before = (length - n) // 2 if length > n else -((n - length) // 2)
    if length < n:
        return stack[(slice(None),) * axis + (slice(-before, -before + length),)]
    pads = [(0, 0)] * stack.ndim
    pads[axis] = (before, length - n - before)
    return np.pad(stack, pads, constant_values=stack.dtype.type(fill))


def _multiplied(stack: NDArray[Any], axis: int, n: int, out: int) -> NDArray[np.float32]:
    matrix = _resizing(n, out)
    resized: NDArray[np.float32] = matrix @ stack if axis == stack.ndim - 2 else stack @ matrix.T
    return resized


@lru_cache(maxsize=256)
def _resizing(n: int, out: int) -> NDArray[np.float32]:
    """Return the `(out, n)` matrix of linear interpolation at half-pixel centres; wider when it shrinks."""
    reach = max(1.0, n / out)
    centres = (np.arange(out) + 0.5) * n / out - 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(n)[None] - np.clip(centres, 0, n - 1)[:, None]) / reach)
    matrix: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def _sliced(array: NDArray[Any], axis: int, index: int) -> NDArray[Any]:
    plane = np.asarray(array[(slice(None),) * axis + (index,)])
    return plane[None] if plane.ndim == 2 else np.moveaxis(plane, -1, 0)


def _typed(values: NDArray[Any], *, labels: bool) -> NDArray[Any]:
    return values if labels else values.astype(np.float32)


def _patch(array: NDArray[Any], start: tuple[int, int, int], cutting: Cutting, fill: float) -> NDArray[Any]:
    size = _three_sides(cutting)
    of, into = _overlap(start, size, array.shape[:3])
    out = np.full(size + array.shape[3:], fill, dtype=array.dtype)
    out[into] = array[of]
    return out[None] if out.ndim == 3 else np.moveaxis(out, -1, 0)


def _overlap(
    start: tuple[int, ...], size: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return where a patch lies in the volume, and which part of the patch that is."""
    lows = [max(0, first) for first in start]
    highs = [min(n, first + side) for first, side, n in zip(start, size, shape, strict=True)]
    volume = tuple(slice(low, high) for low, high in zip(lows, highs, strict=True))
    patch = tuple(
        slice(low - first, high - first) for low, high, first in zip(lows, highs, start, strict=True)
    )
    return volume, patch


def _patch_starts(shape: tuple[int, ...], cutting: Cutting) -> list[list[int]]:
    starts = []
    for n, side in zip(shape[:3], _three_sides(cutting), strict=True):
        if n <= side:
            starts.append([-((side - n) // 2)])
            continue
        stride = max(1, int(side * (1 - cutting.overlap)))
        starts.append([*range(0, n - side, stride), n - side])
    return starts


@lru_cache(maxsize=8)
def _blend(cutting: Cutting) -> NDArray[np.float32]:
    """Return weights that fall smoothly from a patch's centre and are positive everywhere."""
    sides = [np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2 + 1e-3 for side in _three_sides(cutting)]
    weights: NDArray[np.float32] = np.einsum("i,j,k->ijk", *sides).astype(np.float32)
    return weights


def _three_sides(cutting: Cutting) -> tuple[int, int, int]:
    if cutting.size is None or len(cutting.size) != 3:
        raise InternalError("E601", f"patches of size {cutting.size}", "three sides", "Report this.")
    return cutting.size[0], cutting.size[1], cutting.size[2]


def _plane(shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    first, second = (n for other, n in enumerate(shape[:3]) if other != axis)
    return first, second


def _round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
