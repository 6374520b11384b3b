"""Volumes for tests whose voxels are all different, on straight and on turned grids."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from numpy.typing import DTypeLike, NDArray

from transmodal.volumes import Volume

SHAPE = (7, 5, 9)
ORIENTATIONS = [
    "".join(letters)
    for order in permutations(range(3))
    for letters in product(*[("RL", "AP", "SI")[axis] for axis in order])
]


def turned(degrees: float = 20.0) -> NDArray[np.float64]:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x
    return affine


def numbered(
    shape: tuple[int, ...] = SHAPE, affine: NDArray[np.float64] | None = None, dtype: DTypeLike = np.int16
) -> Volume:
    voxels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return Volume(voxels, np.diag([0.9, 1.1, 3.0, 1.0]) if affine is None else affine)
