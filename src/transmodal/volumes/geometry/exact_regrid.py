"""Voxels that only move: axes permuted, flipped, cropped and padded by whole voxels; every bit is kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from transmodal.errors import UsageError
from transmodal.volumes.volume import TOLERANCE_MM, Grid, Voxels

Shape = tuple[int, int, int]


class ExactMatch(NamedTuple):
    """The place of one grid's voxels on another: axes permuted, flipped and moved by whole voxels.

    Attributes:
        axes: for each source axis the target axis that runs along it.
        signs: for each source axis 1 or -1.
        starts: for each source axis the source index of target index 0.
    """

    axes: Shape
    signs: Shape
    starts: Shape


def match_exactly(source: Grid, target: Grid) -> ExactMatch | None:
    """Return how target voxels coincide with source voxels within `TOLERANCE_MM`; None where they do not."""
    step = np.linalg.inv(source.affine) @ target.affine
    whole = np.rint(step)
    turns = np.abs(whole[:3, :3])
    if not (np.array_equal(turns.sum(axis=0), np.ones(3)) and np.array_equal(turns.sum(axis=1), np.ones(3))):
        return None
    moved = Grid(target.shape, source.affine @ whole)
    if np.abs(moved.corners() - target.corners()).max() > TOLERANCE_MM:
        return None
    axes = turns.argmax(axis=1)
    return ExactMatch(to_triple(axes), to_triple(whole[np.arange(3), axes]), to_triple(whole[:3, 3]))


def regrid_exactly(voxels: Voxels, match: ExactMatch, shape: Shape, fill: float) -> Voxels:
    """Copy voxels to where they lie on the target grid; `fill` where there are none.

    Raises:
        UsageError: E001 when there is something to fill and the voxels' type cannot hold `fill`.
    """
    takes, puts = [], [slice(0, 0)] * 3
    for axis in range(3):
        target, sign, start = match.axes[axis], match.signs[axis], match.starts[axis]
        index = start + sign * np.arange(shape[target])
        inside = np.flatnonzero((index >= 0) & (index < voxels.shape[axis]))
        if inside.size == 0:
            return filled_array(shape + voxels.shape[3:], fill, voxels.dtype)
        first, stop = int(index[inside[0]]), int(index[inside[-1]]) + sign
        takes.append(slice(first, None if stop < 0 else stop, sign))
        puts[target] = slice(int(inside[0]), int(inside[-1]) + 1)
    order = [match.axes.index(target) for target in range(3)]
    moved = voxels[tuple(takes)].transpose(order + list(range(3, voxels.ndim)))
    if moved.shape[:3] == shape:
        return np.array(moved, order="C", subok=False)
    out = filled_array(shape + voxels.shape[3:], fill, voxels.dtype)
    out[tuple(puts)] = moved
    return out


def filled_array(shape: tuple[int, ...], fill: float, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array full of `fill`.

    Raises:
        UsageError: E001 when the type cannot hold `fill`.
    """
    kind = np.dtype(dtype)
    if kind.kind in "iub":
        low, high = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
        if not (low <= fill <= high and fill == round(fill)):
            raise UsageError(
                "E001",
                f"fill {fill:g} beside voxels of type {kind}",
                f"a whole number from {low} to {high}",
                "Convert the voxels to float32 first, or fill with another value.",
            )
    return np.full(shape, fill, dtype=kind)


def to_triple(values: NDArray[Any]) -> Shape:
    """Return three whole numbers as a tuple."""
    i, j, k = (int(value) for value in values)
    return i, j, k
