"""Moves of a volume on its own grid, and the ways back: translation, rotation, scale, and a smooth field.

Directions, axes and fields are drawn by a seed and stay the same over the steps of a kind: a step changes how far, not
whereto.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from transmodal.volumes.volume import Grid, Volume

Array = NDArray[np.float64]
CLOSES = 0.5
"""Voxels by which a way there and back may miss its start."""
_SMOOTH = 6
_ROUNDS = 30


class MoveField(NamedTuple):
    """Where a moved volume is sampled.

    Attributes:
        outward: `(3, I, J, K)` in voxels: the moved volume at x is the volume at x + outward(x).
        back: likewise, of what was made of the moved volume.
        returns: bool, `(I, J, K)`: voxels whose way lies in the field of view and closes to within half a voxel.
    """

    outward: Array
    back: Array
    returns: NDArray[np.bool_]


class MoveKind(NamedTuple):
    """One kind of move.

    Attributes:
        name: as tables show it.
        unit: of its steps.
        make: from a step, a grid and a draw.
    """

    name: str
    unit: str
    make: Callable[[float, Grid, np.random.Generator], MoveField]


def kinds() -> tuple[MoveKind, ...]:
    """Return all kinds, in the order of tables."""
    return (
        MoveKind("translation", "voxels", _translate),
        MoveKind("rotation", "degrees", _rotate),
        MoveKind("scale", "%", _scale),
        MoveKind("non-rigid", "voxels", _bend),
    )


def warp(volume: Volume, field: Array) -> Volume:
    """Return a volume sampled beside its voxels, float32, by cubic splines that stay within its range.

    Args:
        volume: grey or colour.
        field: `(3, I, J, K)` in voxels. Outside the field of view lies the volume's least value.
    """
    places = np.indices(volume.grid.shape) + field
    channels = volume.voxels[..., None] if volume.voxels.ndim == 3 else volume.voxels
    sampled = [_sample(channels[..., n].astype(np.float64), places) for n in range(channels.shape[-1])]
    stacked = np.stack(sampled, axis=-1).astype(np.float32)
    return volume.with_voxels(stacked[..., 0] if volume.voxels.ndim == 3 else stacked)


def warp_labels(labels: NDArray[Any], field: Array) -> NDArray[Any]:
    """Return labels or a mask sampled beside their voxels, at the nearest; 0 comes in from outside.

    Args:
        labels: `(I, J, K)`, integer or bool.
        field: `(3, I, J, K)` in voxels.
    """
    places = np.indices(labels.shape) + field
    moved: NDArray[Any] = ndimage.map_coordinates(
        labels.astype(np.int64), places, order=0, mode="grid-constant", cval=0
    )
    return moved.astype(labels.dtype)


def _sample(image: Array, places: Array) -> Array:
    low, high = float(image.min()), float(image.max())
    sampled: Array = ndimage.map_coordinates(image, places, order=3, mode="constant", cval=low)
    return np.clip(sampled, low, high)


def _translate(voxels: float, grid: Grid, draw: np.random.Generator) -> MoveField:
    return _affine(np.eye(3), voxels * _direction(draw), grid)


def _rotate(degrees: float, grid: Grid, draw: np.random.Generator) -> MoveField:
    """Turn about an axis through the grid's middle; in millimetres, so that a head keeps its form."""
    turn = Rotation.from_rotvec(np.deg2rad(degrees) * _direction(draw)).as_matrix()
    spacing = np.array(grid.spacing)
    return _affine(turn * spacing[None, :] / spacing[:, None], np.zeros(3), grid)


def _scale(percent: float, grid: Grid, draw: np.random.Generator) -> MoveField:
    """Grow or shrink about the grid's middle."""
    factor = 1 + percent / 100
    return _affine(np.eye(3) * (factor if draw.random() < 0.5 else 1 / factor), np.zeros(3), grid)


def _bend(voxels: float, grid: Grid, draw: np.random.Generator) -> MoveField:
    """Displace by a smooth field whose longest way is the step; its way back by fixed-point rounds."""
    sigma = max(grid.shape) / _SMOOTH
    noise = [ndimage.gaussian_filter(draw.standard_normal(grid.shape), sigma, mode="wrap") for _ in range(3)]
    field = np.stack(noise)
    outward: Array = voxels * field / np.linalg.norm(field, axis=0).max()
    back = -outward
    for _ in range(_ROUNDS):
        back = -_at(outward, back)
    return MoveField(outward, back, _returns(outward, back))


def _affine(matrix: Array, shift: Array, grid: Grid) -> MoveField:
    middle = ((np.array(grid.shape) - 1) / 2)[:, None, None, None]
    places = np.indices(grid.shape) - middle
    inverse: Array = np.linalg.inv(matrix).astype(np.float64)
    outward = _apply(matrix, places) + shift[:, None, None, None] - places
    back = _apply(inverse, places - shift[:, None, None, None]) - places
    ends = places + back + middle
    sizes = np.array(grid.shape)[:, None, None, None]
    returns: NDArray[np.bool_] = np.all((ends >= 0) & (ends <= sizes - 1), axis=0)
    return MoveField(outward, back, returns)


def _apply(matrix: Array, places: NDArray[np.floating]) -> Array:
    turned: Array = np.einsum("ab,bijk->aijk", matrix, places)
    return turned


def _returns(outward: Array, back: Array) -> NDArray[np.bool_]:
    sizes = np.array(outward.shape[1:])[:, None, None, None]
    ends = np.indices(outward.shape[1:]) + back
    inside = ((ends >= 0) & (ends <= sizes - 1)).all(axis=0)
    closes: NDArray[np.bool_] = inside & (np.linalg.norm(back + _at(outward, back), axis=0) <= CLOSES)
    return closes


def _at(field: Array, way: Array) -> Array:
    """Return a field at the ends of ways."""
    ends = np.indices(field.shape[1:]) + way
    return np.stack([ndimage.map_coordinates(part, ends, order=1, mode="nearest") for part in field])


def _direction(draw: np.random.Generator) -> Array:
    vector = draw.standard_normal(3)
    unit: Array = vector / np.linalg.norm(vector)
    return unit
