"""Volumes on a grid of about 4 mm, as few levels of intensity: what a search for a rigid place compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.volumes import Volume
from transmodal.volumes.geometry.blocks import block_means

Floats = NDArray[np.float64]
Levels = NDArray[np.intp]
Threshold = Callable[[NDArray[np.float32]], float]
"""Up to which value an image is background."""

N_LEVELS = 24
_COARSE_MM = 4.0
_BLUR = 0.7  # of the coarse image, in its voxels
_STANDS_OUT = 0.05  # share of the range above the background
_FAINT, _AIR = 0.005, 1.5  # the least such share, and how far above the air of the volume's faces
_POINTS = 12_000
_MARGIN_MM = 12.0


@dataclass(frozen=True, slots=True)
class CoarseLevels:
    """A volume on a grid of about 4 mm, as levels.

    Attributes:
        levels: `(I, J, K)`: 0 is background, the others have equal shares of the rest.
        affine: of the coarse grid.
    """

    levels: NDArray[np.float32]
    affine: Floats

    @classmethod
    def of(cls, volume: Volume, threshold: Threshold) -> CoarseLevels:
        """Return the levels of a volume, grey or colour."""
        voxels = volume.voxels.mean(axis=-1, dtype=np.float32) if volume.is_colour else volume.voxels
        sides = zip(voxels.shape, volume.spacing, strict=True)
        factors = [min(n, max(1, round(_COARSE_MM / mm))) for n, mm in sides]
        means = ndimage.gaussian_filter(block_means(voxels, factors), _BLUR)
        affine = volume.affine.astype(np.float64)
        first = affine @ np.append((np.array(factors) - 1) / 2, 1.0)
        return cls(_quantise(means, threshold), np.column_stack([affine[:, :3] * factors, first]))

    def points(self) -> Floats:
        """Return points in mm, `(n, 3)`, spread evenly over a box around the content; none without content."""
        content = np.argwhere(self.levels > N_LEVELS / 2)
        if not len(content):
            return np.empty((0, 3))
        margin = _MARGIN_MM / np.linalg.norm(self.affine[:3, :3], axis=0)
        low = np.maximum(np.percentile(content, 1, axis=0) - margin, 0)
        high = np.minimum(np.percentile(content, 99, axis=0) + margin, np.array(self.levels.shape) - 1)
        shares = np.random.default_rng(0).random((_POINTS, 3))
        points: Floats = (low + shares * (high - low)) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return points

    def from_outline_mm(self, points: Floats) -> Floats:
        """Return how far points in mm lie from the outline of the content, holes in it filled; within half a voxel."""
        content = ndimage.binary_fill_holes(self.levels > 0)
        spacing = np.linalg.norm(self.affine[:3, :3], axis=0)
        inside, outside = (
            ndimage.distance_transform_edt(mask, sampling=spacing) for mask in (content, ~content)
        )
        index = np.linalg.inv(self.affine)
        nearest = np.rint(index[:3, :3] @ points.T + index[:3, 3:]).astype(np.intp)
        i, j, k = np.clip(nearest, 0, np.array(self.levels.shape)[:, None] - 1)
        distance_mm: Floats = np.maximum(inside, outside)[i, j, k]
        return distance_mm

    def at(self, points: Floats) -> Levels:
        """Return the level at points in mm; beyond the edge, that of the edge."""
        index = np.linalg.inv(self.affine)
        return LevelReader(self.levels).read(index[:3, :3] @ points.T + index[:3, 3:])


class LevelReader:
    """Reads levels between the voxels; as `ndimage.map_coordinates` of order 1, in half its time."""

    def __init__(self, levels: NDArray[np.float32]) -> None:
        self._last = np.array(levels.shape)[:, None] - 1
        self._steps = np.array([levels.shape[1] * levels.shape[2], levels.shape[2], 1])
        self._steps[self._last[:, 0] == 0] = 0  # an axis of one voxel has no next one
        self._flat = levels.reshape(-1).astype(np.float64)

    def read(self, coordinates: Floats) -> Levels:
        """Return the level nearest to the interpolated value, `(n,)`, at voxel coordinates `(3, n)`."""
        inside = np.clip(coordinates, 0, self._last)
        first = np.minimum(inside.astype(np.intp), np.maximum(self._last - 1, 0))
        shares = inside - first
        corner = self._steps @ first
        value = self._along(0, corner, shares)
        # In float32 first: a value that is a hair off a half is one, and goes to the even level.
        nearest: Levels = np.rint(value.astype(np.float32)).astype(np.intp)
        return nearest

    def _along(self, axis: int, corner: Levels, shares: Floats) -> Floats:
        """Interpolate along this axis and all after it."""
        if axis == len(self._steps):
            return self._flat.take(corner)
        low = self._along(axis + 1, corner, shares)
        value = self._along(axis + 1, corner + self._steps[axis], shares)
        value -= low
        value *= shares[axis]
        value += low
        return value


def plain_threshold(image: NDArray[np.float32]) -> float:
    """Return up to which value an image is background."""
    low, high = np.percentile(image, (1, 99.9))
    return float(low + _STANDS_OUT * (high - low))


def faint_threshold(image: NDArray[np.float32]) -> float:
    """Return `plain_threshold`, or less, down to the level of the air beyond the content.

    So a bright lesion hides no tissue.
    """
    low, high = np.percentile(image, (1, 99.9))
    faces = [np.percentile(image.take(place, axis), 95) for axis in range(3) for place in (0, -1)]
    air = _AIR * (float(np.median(faces)) - low)
    return float(low + min(_STANDS_OUT * (high - low), max(air, _FAINT * (high - low))))


def _quantise(image: NDArray[np.float32], threshold: Threshold) -> NDArray[np.float32]:
    background = image <= threshold(image)
    if background.all():
        return np.zeros_like(image)
    edges = np.unique(np.quantile(image[~background], np.linspace(0, 1, N_LEVELS)))
    levels = np.interp(image, edges, np.linspace(1, N_LEVELS - 1, len(edges)))
    return np.where(background, 0, levels).astype(np.float32)
