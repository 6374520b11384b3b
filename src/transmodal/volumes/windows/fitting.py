"""Fitting of a slice's sides to a window's, and back."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.volumes.geometry import banded, interpolation
from transmodal.volumes.windows.spec import Cutting, plane_of, round_up


class Side(NamedTuple):
    """One side: `n` voxels, seen as `out` pixels of `scale` voxels each; both centres coincide.

    At a scale of 1 voxels are only padded or cropped, whole voxel by whole voxel.
    """

    n: int
    out: int
    scale: float

    @property
    def resizes(self) -> bool:
        """Whether voxels are interpolated."""
        return self.scale != 1

    @property
    def voxels(self) -> slice:
        """Which voxels the window holds."""
        first = 0 if self.resizes else max(0, (self.n - self.out) // 2)
        return slice(first, self.n if self.resizes else first + min(self.n, self.out))

    @property
    def pixels(self) -> slice:
        """Which of the window's pixels they fill; the others lie beyond the volume."""
        if self.resizes:
            return _filled_pixels(self)
        first = max(0, (self.out - self.n) // 2)
        return slice(first, first + min(self.n, self.out))


def sides_of(shape: tuple[int, ...], axis: int, cutting: Cutting) -> tuple[Side, Side]:
    """Return how the two sides of a volume's slices come to a window."""
    rows, columns = plane_of(shape, axis)
    multiple = cutting.multiple
    height, width = cutting.size or (round_up(rows, multiple), round_up(columns, multiple))
    if cutting.fit == "pad":
        return Side(rows, height, 1.0), Side(columns, width, 1.0)
    if cutting.fit == "ignore":
        return Side(rows, height, rows / height), Side(columns, width, columns / width)
    scale = max(rows / height, columns / width)
    return Side(rows, height, scale), Side(columns, width, scale)


@lru_cache(maxsize=256)
def resize_matrix(side: Side) -> interpolation.Matrix:
    """Return the matrix from a side's voxels to the pixels that they fill."""
    return _read_only(interpolation.sampling_matrix(side.n, _pixels(side)[side.pixels], side.scale))


@lru_cache(maxsize=256)
def resize_bands(side: Side) -> banded.Banded:
    """Return `resize_matrix` in parts without most of its zeros."""
    return banded.to_bands(resize_matrix(side))


@lru_cache(maxsize=256)
def restore_matrix(side: Side) -> interpolation.Matrix:
    """Return the matrix from the pixels that a side's voxels fill to the voxels."""
    voxels = (np.arange(side.n) + 0.5 - side.n / 2) / side.scale + side.out / 2 - 0.5
    pixels = side.pixels
    return _read_only(
        interpolation.sampling_matrix(pixels.stop - pixels.start, voxels - pixels.start, 1 / side.scale)
    )


def nearest_voxels(side: Side) -> NDArray[np.intp]:
    """Return for each pixel that the voxels fill the voxel nearest to its centre."""
    return interpolation.nearest_index(side.n, _pixels(side)[side.pixels])


def _pixels(side: Side) -> NDArray[np.float64]:
    """Return where the pixels' centres lie, in voxels."""
    pixels = (np.arange(side.out) + 0.5 - side.out / 2) * side.scale + side.n / 2 - 0.5
    return pixels.astype(np.float64)


@lru_cache(maxsize=256)
def _filled_pixels(side: Side) -> slice:
    """Return the pixels whose centres lie on voxels; of a side below a pixel those that it touches."""
    reach = max(side.n, side.scale) / 2 + 1e-9
    filled = np.flatnonzero(np.abs(_pixels(side) - (side.n - 1) / 2) <= reach)
    return slice(int(filled[0]), int(filled[-1]) + 1)


def _read_only(matrix: interpolation.Matrix) -> interpolation.Matrix:
    matrix.setflags(write=False)
    return matrix
