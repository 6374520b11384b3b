"""Shapes and places of windows: slices, slabs and patches of a volume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, NamedTuple

import numpy as np

from transmodal.errors import UsageError

Kind = Literal["slice", "slab", "patch"]
Fit = Literal["pad", "keep", "ignore"]


@dataclass(frozen=True, slots=True)
class Cutting:
    """Shape and fit of the windows that a volume is cut into.

    Attributes:
        kind: `slice` (2D), `slab` (2.5D: a slice with its neighbours as channels) or `patch` (3D).
        size: sides of a window; None pads slices up to `multiple` only.
        fit: how a slice comes to `size`: `pad` (or crop) around the centre, voxel for voxel; `keep`: pad to
            the size's aspect and resize; `ignore`: resize each side by itself. Padding is not mixed into
            the voxels beside it.
        depth: slices of a slab, odd; beyond the volume its edge slices repeat.
        overlap: least share by which neighbouring patches overlap, 0 to below 1.
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
        if self.multiple < 1:
            problem = f"multiple {self.multiple}"
        elif self.size is not None and (len(self.size) != sides or min(self.size) < 1):
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
        """Return a cutting whose windows hold whole slices of this shape, for translating all of it.

        A size that crops is widened to the slice, up to `multiple`; all else covers as it is.
        """
        if self.kind == "patch" or self.fit != "pad" or self.size is None or axis is None:
            return self
        plane = plane_of(shape, axis)
        sides = [max(round_up(n, self.multiple), side) for n, side in zip(plane, self.size, strict=True)]
        return replace(self, size=tuple(sides))


class Window(NamedTuple):
    """The place of a window: the slice axis (-1 for patches) and the index of its first voxel."""

    axis: int
    start: tuple[int, int, int]


def list_windows(shape: tuple[int, ...], cutting: Cutting, axis: int | None) -> list[Window]:
    """List the windows that cover a volume: every slice of `axis`, or every patch.

    Patches lie evenly, the outer ones flush with the volume; a patch that is larger than the volume lies
    around it.

    Raises:
        UsageError: E001 when slices are asked for without an axis of 0 to 2.
    """
    if cutting.kind == "patch":
        starts = [
            _starts(n, side, cutting.overlap) for n, side in zip(shape, cutting.size or (), strict=False)
        ]
        return [Window(-1, (i, j, k)) for i, j, k in product(*starts)]
    if axis not in (0, 1, 2):
        raise UsageError("E001", f"axis {axis}", "0, 1 or 2", "Name the slice axis.")
    unit = [int(axis == slice_axis) for slice_axis in range(3)]
    return [Window(axis, (n * unit[0], n * unit[1], n * unit[2])) for n in range(shape[axis])]


def plane_of(shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    """Return the sides of the slices of an axis, in the order of the indices."""
    rows, columns = (n for side_axis, n in enumerate(shape[:3]) if side_axis != axis)
    return rows, columns


def round_up(n: int, multiple: int) -> int:
    """Return the least multiple that is not below `n`."""
    return -(-n // multiple) * multiple


def _starts(n: int, side: int, overlap: float) -> list[int]:
    if n <= side:
        return [-((side - n) // 2)]
    stride = max(1, int(side * (1 - overlap)))
    count = -(-(n - side) // stride) + 1
    return [int(start) for start in np.rint(np.linspace(0, n - side, count))]
