"""Landmarks of the head: level functions of the template's millimetres, negative inside, in mm."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.cohorts.simulation.draws import Floats
from transmodal.volumes.regions import template

STEP_MM = 3.0
BOX = ((-111.0, 111.0), (-150.0, 126.0), (-129.0, 123.0))
"""The grid on which heads are drawn, in template mm."""


@cache
def cavity() -> Floats:
    """Return the signed distance to the brain's smoothed hull; narrow clefts are closed."""
    grid = template.mask().grid
    pad = 40
    inside = np.pad(template.mask().voxels[::2, ::2, ::2] > 0, pad // 2)
    closed = _depth(_depth(inside) > -5) > 5 + 0.5  # millimetres: dilated, then eroded
    smooth = ndimage.gaussian_filter(_depth(closed), 1.6)
    nodes = np.stack(np.meshgrid(*axes(), indexing="ij"))
    index = (nodes - (grid.affine[:3, 3] - pad).reshape(3, 1, 1, 1)) / 2
    depth: Floats = ndimage.map_coordinates(smooth, index, order=1, mode="nearest")
    return -depth


@cache
def face() -> Floats:
    """Return the level of face, nose, ears and neck."""
    face = pair((0, 34, -78), (64, 58, 84), 1.0)
    nose = pair((0, 90, -62), (15, 20, 26), 1.0)
    ears = pair((75, -26, -38), (10, 13, 24), 1.0)
    neck = pair((0, -44, -100), (64, 62, 84), 1.0)
    return union(union(union(face, nose, 10), neck, 16), ears, 8)


@cache
def orbit() -> Floats:
    """Return the level of the eye sockets."""
    return pair((31, 46, -40), (18, 27, 18), 1.0)


@cache
def zygoma() -> Floats:
    """Return the level of the cheekbones and the upper jaw."""
    return np.minimum(pair((50, 52, -60), (10, 8, 9), 1.0), pair((30, 62, -94), (26, 20, 12), 1.0))


@cache
def base() -> Floats:
    """Return the solid middle of the skull base: body of the sphenoid, clivus and petrous bones."""
    body = pair((0, 6, -44), (20, 24, 14), 1.0)
    petrous = pair((34, -14, -50), (26, 12, 9), 1.0)
    return np.minimum(body, petrous)


@cache
def canal() -> tuple[Floats, Floats]:
    """Return the spinal canal below the brain stem, and the cord in it."""
    x, y, z = np.ix_(*axes())
    apart = np.sqrt(x**2 + (y + 46 - 0.1 * (z + 72)) ** 2)
    above = (z + 62).astype(np.float32)
    return np.maximum(apart - 11, above), np.maximum(apart - 5.5, above)


def skull_prior(x: Floats, y: Floats, z: Floats) -> Floats:
    """Return how much thicker or thinner than elsewhere the skull is, in mm."""
    squama = blob(np.abs(x) - 70, y + 5, z + 14, (16, 38, 22))
    occiput = blob(x, y + 104, z + 14, (20, 16, 24))
    brow = blob(x, y - 76, z + 10, (40, 12, 16))
    floor = np.clip((-30 - z) / 12, 0, 1)
    thicker: Floats = -4.2 * squama + 3.5 * occiput + 2.5 * brow + 2.0 * floor
    return thicker


def pair(centre: tuple[float, float, float], radii: tuple[float, float, float], size: float) -> Floats:
    """Return the level of an ellipsoid at `|x|`: one on either side, or one in the middle for x = 0."""
    x, y, z = np.ix_(*axes())
    q = np.stack(np.broadcast_arrays(np.abs(x) - centre[0], y - centre[1], z - centre[2]))
    r = size * np.array(radii, float).reshape(3, 1, 1, 1)
    k = np.sqrt(((q / r) ** 2).sum(axis=0))
    slope = np.sqrt(((q / r**2) ** 2).sum(axis=0))
    level: Floats = (k * (k - 1) / np.maximum(slope, 1e-6)).astype(np.float32)
    return np.where(slope < 1e-6, np.float32(-r.min()), level)


def blob(x: Floats, y: Floats, z: Floats, radii: tuple[float, float, float]) -> Floats:
    """Return a bell of height 1 around the origin of the coordinates given."""
    bell: Floats = np.exp(-((x / radii[0]) ** 2) - (y / radii[1]) ** 2 - (z / radii[2]) ** 2)
    return bell


def union(a: Floats, b: Floats, blend: float) -> Floats:
    """Join two levels smoothly over `blend` mm (polynomial smooth minimum)."""
    h = np.clip(0.5 + 0.5 * (b - a) / blend, 0, 1)
    joined: Floats = b * (1 - h) + a * h - blend * h * (1 - h)
    return joined


def axes() -> list[NDArray[np.float64]]:
    """Return the coordinates of the grid's nodes per axis."""
    return [np.arange(low, high + STEP_MM / 2, STEP_MM) for low, high in BOX]


def _depth(inside: NDArray[np.bool_]) -> Floats:
    """Return the signed distance to the border in mm on a 2 mm grid, positive inside."""
    apart = ndimage.distance_transform_edt(inside, 2) - ndimage.distance_transform_edt(~inside, 2)
    depth: Floats = apart.astype(np.float32)
    return depth
