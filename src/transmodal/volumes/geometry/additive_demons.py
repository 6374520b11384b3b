"""Additive demons: a displacement field found in a band of interest, in float32 and in numpy.

The forces are those of the symmetric demons, and the field is smoothed as ITK's filters smooth it; updates are
added, not composed. Where the field is small and smooth, additive and diffeomorphic demons come to about the same
field, and this is six times as fast: nothing is read outside the band, and an axis is smoothed by one product
of matrices. Unlike a diffeomorphic map it can fold, which `least_jacobian` tells.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray
from scipy import ndimage, special

from transmodal.volumes.geometry import itk
from transmodal.volumes.volume import Grid, Volume

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_LONGEST_STEP = 0.5  # of an update, in voxels
_LEAST_DIFFERENCE = 1e-3  # of intensities that draw
_LEAST_SQUARE = 1e-9  # of gradient and difference together
_STRETCH = 12  # voxels that a product of matrices smooths at a time
_CUT_OFF = 0.1  # share of the Gaussian beyond the ends of its kernel


def additive_demons(
    fixed: Volume, moving: Volume, *, smoothing: float, iterations: int, band: Mask
) -> Floats:
    """Return the displacement `(3, I, J, K)` in mm along the grid's axes that lays `moving` over `fixed`.

    Args:
        fixed: intensities of about `[0, 1]`.
        moving: on the same grid, intensities that match the fixed ones.
        smoothing: standard deviation in voxels of the Gaussian on the field and on its updates.
        iterations: how many.
        band: `(I, J, K)`, where forces act; elsewhere the field is what smoothing makes of it.
    """
    forces = _Forces(fixed, moving, band)
    shape = fixed.voxels.shape
    blocks = [_smoothing_blocks(n, smoothing) for n in shape]
    update, field = np.zeros((3, *shape), np.float32), np.zeros((3, *shape), np.float32)
    flat = update.reshape(3, -1)
    for _ in range(iterations):
        flat[:, forces.index] = forces.at(field)
        smoothed = _smooth(update, blocks)
        smoothed += field
        field = _smooth(smoothed, blocks)
    return field


def to_field(displacement: Floats, grid: Grid) -> sitk.Image:
    """Return a displacement in mm along a grid's axes as a field in LPS+ mm, float64."""
    directions = itk.LPS @ grid.affine[:3, :3] / np.array(grid.spacing)
    along_axes = displacement.transpose(3, 2, 1, 0).astype(np.float64)
    field = sitk.GetImageFromArray(np.ascontiguousarray(along_axes @ directions.T), isVector=True)
    field.CopyInformation(itk.to_image(Volume(displacement[0], grid.affine)))
    return field


def least_jacobian(displacement: Floats, spacing: tuple[float, float, float]) -> float:
    """Return the least determinant of the map by a displacement in mm; it folds nowhere where that is above 0."""
    stretches = np.empty((*displacement.shape[1:], 3, 3), np.float32)
    for component in range(3):
        for axis in range(3):
            stretches[..., component, axis] = _slopes(displacement[component], axis, spacing[axis])
        stretches[..., component, component] += 1
    a, b, c = (stretches[..., component, :] for component in range(3))
    return float(np.einsum("...i,...i", a, np.cross(b, c)).min())


class _Forces:
    """The pull of the moving volume towards the fixed one, `(3, n)` mm along the axes, in a band.

    Attributes:
        index: flat index of the band's voxels, n.
    """

    def __init__(self, fixed: Volume, moving: Volume, band: Mask) -> None:
        inner = np.zeros_like(band)  # at the faces a slope would lack a neighbour
        inner[1:-1, 1:-1, 1:-1] = band[1:-1, 1:-1, 1:-1]
        self.index = np.flatnonzero(inner)
        self._steps = (band.shape[1] * band.shape[2], band.shape[2], 1)
        self._spacing = np.array(fixed.spacing, np.float32)[:, None]
        self._most = np.float32(np.mean(np.square(fixed.spacing)) * _LONGEST_STEP**2)
        values = np.ascontiguousarray(fixed.voxels, np.float32).ravel()
        self._fixed, self._slopes = values[self.index], self._slopes_of(values)
        self._reader = _Reader(moving, ndimage.binary_dilation(inner))
        self._moved = np.array(moving.voxels, np.float32).ravel()

    def at(self, field: Floats) -> Floats:
        """Return the forces at a displacement."""
        near = self._reader.index
        self._moved[near] = self._reader.read(field.reshape(3, -1)[:, near] / self._spacing)
        slopes = self._slopes_of(self._moved)
        slopes += self._slopes
        differences = self._fixed - self._moved[self.index]
        squares = np.einsum("ij,ij->j", slopes, slopes)
        squares += differences * differences / self._most
        has_force = (np.abs(differences) >= _LEAST_DIFFERENCE) & (squares >= _LEAST_SQUARE)
        differences *= 2 * has_force
        slopes *= differences / np.maximum(squares, _LEAST_SQUARE)
        return slopes

    def _slopes_of(self, flat: Floats) -> Floats:
        """Return the central differences of flat voxels in the band, per mm along each axis."""
        slopes = np.stack([flat[self.index + step] - flat[self.index - step] for step in self._steps])
        slopes /= 2 * self._spacing
        return slopes


class _Reader:
    """A volume read between its voxels, at displaced places of a band.

    Attributes:
        index: flat index of the band's voxels, n.
    """

    def __init__(self, volume: Volume, band: Mask) -> None:
        self._flat = np.ascontiguousarray(volume.voxels, np.float32).ravel()
        self.index = np.flatnonzero(band)
        self._places = np.argwhere(band).T.astype(np.float32)
        self._last = np.array(band.shape, np.float32)[:, None] - 1
        self._corners = np.array(band.shape)[:, None] - 2
        self._steps = (band.shape[1] * band.shape[2], band.shape[2])

    def read(self, displacement: Floats) -> Floats:
        """Return the values at a displacement `(3, n)` in voxels, linearly; the edge goes on outside."""
        places = np.clip(self._places + displacement, 0, self._last)
        corners = np.minimum(places.astype(np.intp), self._corners)
        x, y, z = places - corners.astype(np.float32)
        along_i, along_j = self._steps
        corner = corners[0] * along_i + corners[1] * along_j + corners[2]

        def between(near: Floats, far: Floats, share: Floats) -> Floats:
            far -= near
            far *= share
            far += near
            return far

        def line(offset: int) -> Floats:
            at = corner + offset
            return between(self._flat.take(at), self._flat.take(at + 1), z)

        def plane(offset: int) -> Floats:
            return between(line(offset), line(offset + along_j), y)

        return between(plane(0), plane(along_i), x)


class _Block(NamedTuple):
    """A matrix that smooths a stretch of an axis, what it reads and what it writes."""

    read: slice
    write: slice
    matrix: Floats


def _smooth(vectors: Floats, blocks: list[list[_Block]]) -> Floats:
    """Smooth each component `(3, I, J, K)` along each axis."""
    n, i, j, k = vectors.shape
    along_k, along_j, along_i = (np.empty_like(vectors) for _ in range(3))
    rows, smooth_rows = vectors.reshape(-1, k), along_k.reshape(-1, k)
    for read, write, matrix in blocks[2]:
        np.matmul(rows[:, read], matrix.T, out=smooth_rows[:, write])
    for read, write, matrix in blocks[1]:
        np.matmul(matrix, along_k[:, :, read], out=along_j[:, :, write])
    planes, smooth_planes = along_j.reshape(n, i, j * k), along_i.reshape(n, i, j * k)
    for read, write, matrix in blocks[0]:
        np.matmul(matrix, planes[:, read], out=smooth_planes[:, write])
    return along_i


def _smoothing_blocks(n: int, sigma: float) -> list[_Block]:
    """Return the blocks of a discrete Gaussian (Bessel functions, as in ITK) that repeats the edges of an axis."""
    weights = [float(special.ive(0, sigma**2))]
    while 2 * sum(weights) - weights[0] < 1 - _CUT_OFF:
        weights.append(float(special.ive(len(weights), sigma**2)))
    matrix = np.zeros((n, n))
    for offset in range(1 - len(weights), len(weights)):
        columns = np.clip(np.arange(n) + offset, 0, n - 1)
        np.add.at(matrix, (np.arange(n), columns), weights[abs(offset)])
    matrix /= matrix.sum(axis=1, keepdims=True)
    blocks = []
    for first in range(0, n, _STRETCH):  # short stretches: most of the whole matrix is 0
        last = min(n, first + _STRETCH)
        read = slice(max(0, first - len(weights) + 1), min(n, last + len(weights) - 1))
        part = np.ascontiguousarray(matrix[first:last, read], np.float32)
        blocks.append(_Block(read, slice(first, last), part))
    return blocks


def _slopes(values: Floats, axis: int, spacing: float) -> NDArray[Any]:
    slopes: NDArray[Any] = np.gradient(values, spacing, axis=axis)
    return slopes
