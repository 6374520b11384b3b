"""A volume on a grid of about 4 mm, and poses of the template in it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.volumes.geometry.blocks import block_means
from transmodal.volumes.volume import Volume

Floats = NDArray[np.float64]


STEP_MM = 4.0
CENTRE = np.array([0.0, -18.0, 5.0])  # of the brain, template mm: what a pose turns and stretches about
_SMOOTH = 0.5  # of the coarse image, in its voxels


class Pose(NamedTuple):
    """A pose of the template in an image, and its fit.

    Attributes:
        values: shift in mm, turns in radians, logarithms of size and of stretching.
        fit: correlation ratio of all classes plus that within the brain, 0 to 2; 0 where nothing fits.
        coverage: share of the template's points that lie inside the image.
    """

    values: Floats
    fit: float
    coverage: float

    def to_world(self, mm: Floats) -> Floats:
        """Return where template coordinates `(n, 3)` lie in the scanner, in RAS+ mm."""
        linear, shift = _affine(self.values)
        world: Floats = mm @ linear.T + shift
        return world


class CoarseImage:
    """A grey volume on a grid of about 4 mm, read anywhere in scanner space.

    Attributes:
        means: block means, float32.
        affine: `3 x 4`, voxels of the means to RAS+ mm.
    """

    def __init__(self, volume: Volume) -> None:
        sides = zip(volume.grid.shape, volume.spacing, strict=True)
        factors = [min(n, max(1, round(STEP_MM / mm))) for n, mm in sides]
        self.means = ndimage.gaussian_filter(block_means(volume.voxels, factors), _SMOOTH)
        first = volume.affine @ np.append((np.array(factors) - 1) / 2, 1.0)
        self.affine: Floats = np.column_stack([volume.affine[:, :3] * factors, first])[:3]
        self._inverse = np.linalg.inv(self.affine[:, :3])
        self._last = np.array(self.means.shape, np.int32)[:, None] - 1
        _, j, k = self.means.shape
        self._steps = np.where(self._last[:, 0] > 0, (j * k, k, 1), 0).astype(np.int32)

    def world(self, index: Floats) -> Floats:
        """Map voxels of the means `(n, 3)` to RAS+ mm."""
        world: Floats = index @ self.affine[:, :3].T + self.affine[:, 3]
        return world

    def read(self, values: NDArray[Any], world: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return values between the voxels at points in RAS+ mm `(n, 3)`, and which points lie in the image."""
        read, is_covered = self.between(values, self._inverse @ (world.T - self.affine[:, 3:]))
        return read.astype(float), is_covered

    def affine_of(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the affine from template mm to voxels of the means at a pose: `3 x 3` and `3 x 1`."""
        linear, shift = _affine(values)
        return self._inverse @ linear, self._inverse @ (shift[:, None] - self.affine[:, 3:])

    def between(self, values: NDArray[Any], index: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return values at voxel coordinates `(3, n)`, linearly, and which of them lie in the image."""
        is_covered = np.asarray(((index >= -0.5) & (index <= self._last + 0.5)).all(axis=0))
        index = np.clip(index, 0, self._last)
        first = np.minimum(index.astype(np.int32), np.maximum(self._last - 1, 0))
        x, y, z = index - first.astype(index.dtype)
        corner, (i, j, k), flat = self._steps @ first, self._steps, values.reshape(-1)

        def along(offset: int) -> NDArray[Any]:
            near = flat.take(corner + offset)
            line: NDArray[Any] = near + (flat.take(corner + (offset + k)) - near) * z
            return line

        def across(offset: int) -> NDArray[Any]:
            near = along(offset)
            plane: NDArray[Any] = near + (along(offset + j) - near) * y
            return plane

        near = across(0)
        return near + (across(i) - near) * x, is_covered


def _affine(values: Floats) -> tuple[Floats, Floats]:
    """Return the map from template mm to scanner mm at a pose: turned and stretched about the brain's centre."""
    linear = _rotation(values[3:6]) * np.exp(values[6] + values[7:])
    return linear, CENTRE + values[:3] - linear @ CENTRE


def _rotation(turns: Floats) -> Floats:
    (a, b, c), (s, t, u) = np.cos(turns), np.sin(turns)
    about_x = np.array([[1, 0, 0], [0, a, -s], [0, s, a]])
    about_y = np.array([[b, 0, t], [0, 1, 0], [-t, 0, b]])
    about_z = np.array([[c, -u, 0], [u, c, 0], [0, 0, 1]])
    turned: Floats = about_x @ about_y @ about_z
    return turned
