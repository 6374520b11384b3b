"""The head around the brain: CSF, skull with diploe, air cells, fat, muscle, skin, eyes. All of it simulated.

Every border is the zero of a smooth function of the template's millimetres, negative inside. They are
computed on a coarse template grid, so that they follow each subject's warp and do not depend on how the
subject is scanned.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.cohorts.simulation import draws
from transmodal.cohorts.simulation.draws import Floats
from transmodal.volumes import template

STEP_MM = 3.0
BOX = ((-111.0, 111.0), (-150.0, 126.0), (-129.0, 123.0))
FIDUCIAL_MM = 5.0
"""Radius of the oil capsule that is stuck to the right temple: it tells right from left."""

_CHUNK = 1 << 14
CHANNELS = (
    "inner",
    "outer",
    "skin",
    "fat",
    "muscle",
    "marrow",
    "air",
    "bone",
    "eye",
    "canal",
    "cord",
    "fiducial",
)


class Borders(NamedTuple):
    """Level functions on the template grid, `(X, Y, Z, channel)` in the order of `CHANNELS`, in mm."""

    levels: Floats
    fiducial_mm: tuple[float, float, float]


class Shells(NamedTuple):
    """Fractions of every voxel that hold what is not brain, each `(I, J, K)`, float32.

    With the brain's own fraction they sum to 1. `inner_air` is air within the head, `air` all of it;
    `texture` is a smooth field of variance 1.
    """

    csf: Floats
    cord: Floats
    bone: Floats
    diploe: Floats
    fat: Floats
    muscle: Floats
    skin: Floats
    eye: Floats
    air: Floats
    inner_air: Floats
    texture: Floats


def draw(rng: np.random.Generator) -> Borders:
    """Draw one subject's head: thicknesses that vary over it, sinuses and air cells of its own."""
    x, y, z = np.ix_(*_axes())
    cavity, face = _cavity(), _face()
    size = rng.uniform(0.85, 1.2, 4)
    csf = (1.9 * size[0] + 0.9 * _noise(rng, 22) + 0.5 * _noise(rng, 11)).clip(0.7, 7)
    inner = cavity - csf
    even = 6.2 * size[1] * (1 + 0.2 * _noise(rng, 30)) + _skull_prior(x, y, z)
    outer = inner - (even + 0.8 * _noise(rng, 12)).clip(1.6, 15)
    temple = _blob(np.abs(x) - 66, y - 12, z + 18, (26, 38, 36))
    scalp = (5.8 * size[2] * (1 + 0.2 * _noise(rng, 34))).clip(3.5, 12) + 7 * temple
    skin = _union(cavity - 2 - even.clip(2, 13) - scalp, face + 1.5 * _noise(rng, 26), 9)
    fat = (2.7 * size[3] * (1 + 0.3 * _noise(rng, 30))).clip(0.8, 7)
    low = np.clip((-38 - z) / 10, 0, 1) * (0.4 + 0.8 * np.clip((20 - y) / 30, 0, 1))
    muscle = 3.2 * temple + low + 0.85 * _noise(rng, 13) - 0.3 - 3 * (_orbit() < 0)
    air, bone = _cells(rng)
    air = np.maximum(air, skin + 5)
    canal, cord = _canal()
    fiducial, at = _fiducial(skin)
    fields = (inner, outer, skin, fat, muscle, _noise(rng, 9), air, bone, _eyes(rng), canal, cord, fiducial)
    return Borders(np.stack(np.broadcast_arrays(*fields), axis=-1).astype(np.float32), at)


def shells(borders: Borders, template_mm: Floats, brain: Floats, spacing_mm: float) -> Shells:
    """Turn borders into fractions of the voxels.

    Args:
        borders: the subject's level functions.
        template_mm: `(3, I, J, K)`, where each voxel lies.
        brain: fraction of each voxel that is brain, `(I, J, K)`.
        spacing_mm: width of a voxel: over it each border goes from 0 to 1.
    """
    level = _sampled(borders.levels, template_mm)
    width = np.float32(spacing_mm)
    cavity = np.maximum(brain, _within(level["inner"], width))
    vault = np.maximum(cavity, _within(level["outer"], width))
    head = np.maximum(vault, _within(level["skin"], width))
    air_cells = _within(level["air"], width)
    facial = _within(level["bone"], width)
    soft = (head - vault) * (1 - air_cells)
    bone = (vault - cavity) * (1 - air_cells) + soft * facial
    inner_air = (head - cavity) * air_cells
    soft = soft * (1 - facial)
    canal, eye = _within(level["canal"], width), _within(level["eye"], width)
    tunnel = (bone + soft) * canal
    bone, soft = bone * (1 - canal), soft * (1 - canal)
    cord = tunnel * _within(level["cord"], width)
    marrow = _marrow(level, width)
    diploe = bone * marrow
    globe = soft * eye
    fat, muscle, skin = _soft(level, soft - globe, width)
    capsule = (1 - head) * _within(level["fiducial"], width)
    return Shells(
        csf=cavity - brain + tunnel - cord,
        cord=cord,
        bone=bone - diploe,
        diploe=diploe,
        fat=fat + capsule,
        muscle=muscle,
        skin=skin,
        eye=globe,
        air=1 - head - capsule + inner_air,
        inner_air=inner_air,
        texture=level["marrow"],
    )


def _soft(level: dict[str, Floats], soft: Floats, width: np.float32) -> tuple[Floats, Floats, Floats]:
    """Share soft tissue between fat, muscle and skin by its depth below the surface."""
    depth = -level["skin"]
    skin = soft * (1 - _within(1.8 - depth, width))
    below = soft - skin
    deep = _within(1.8 + level["fat"] - depth, width)
    galea = _within(level["outer"] - 1.3, width)
    muscle = below * np.maximum(deep * _within(-4 * level["muscle"], width), galea * deep * 0.8)
    return below - muscle, muscle, skin


def _marrow(level: dict[str, Floats], width: np.float32) -> Floats:
    """Return how much of the bone at a place is diploe: between the tables, and in patches."""
    between = np.maximum(1.5 - level["inner"], 1.7 + level["outer"]) + 0.5 * level["marrow"]
    return _within(between, width)


def _within(level: Floats, width: np.float32) -> Floats:
    """Return the fraction of a voxel of this width that lies below zero of a level function."""
    fraction: Floats = np.clip(np.float32(0.5) - level / width, 0, 1)
    return fraction


def _sampled(levels: Floats, template_mm: Floats) -> dict[str, Floats]:
    """Interpolate all channels linearly at once, a few rows of voxels at a time to stay in the cache."""
    shape = template_mm.shape[1:]
    points = template_mm.reshape(3, -1)
    fields = np.empty((len(CHANNELS), points.shape[1]), np.float32)
    for start in range(0, points.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        fields[:, part] = _interpolated(levels, points[:, part]).T
    return {name: field.reshape(shape) for name, field in zip(CHANNELS, fields, strict=True)}


def _interpolated(levels: Floats, points: Floats) -> Floats:
    """Return the channels at points `(3, P)` in template mm, `(P, channel)`; at the box's edge beyond it."""
    flat = levels.reshape(-1, levels.shape[-1])
    strides = (levels.shape[1] * levels.shape[2], levels.shape[2], 1)
    base = np.zeros(points.shape[1], np.int32)
    weights = []
    for at, (low, _), size, stride in zip(points, BOX, levels.shape, strides, strict=False):
        index = ((at - np.float32(low)) / np.float32(STEP_MM)).clip(0, np.float32(size - 1.001))
        first = index.astype(np.int32)
        base += first * np.int32(stride)
        weights.append(index - first)
    result = np.zeros((points.shape[1], flat.shape[1]), np.float32)
    for corner in np.ndindex(2, 2, 2):
        share = np.ones(points.shape[1], np.float32)
        for on, weight in zip(corner, weights, strict=True):
            share *= weight if on else 1 - weight
        offset = sum(on * stride for on, stride in zip(corner, strides, strict=True))
        result += flat[base + np.int32(offset)] * share[:, None]
    return result


def _cells(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the level of air within the head and that of the thin bones around it."""
    size = rng.uniform(0.75, 1.25, 6)
    walls = 2.6 * np.abs(_noise(rng, 6)) - 1.1  # thin sheets between the cells
    sinuses = [
        _pair((27, 50, -72), (13, 17, 17), size[0]),
        _pair((9, 74, -12), (10, 5, 11), size[1]),
        _pair((7, 16, -42), (8, 11, 10), size[2]),
    ]
    celled = [
        _pair((54, -36, -50), (12, 15, 20), size[3]),
        _pair((8, 44, -40), (7, 20, 11), size[4]),
        _pair((5, 56, -66), (7, 32, 20), size[5]),
    ]
    open_air = np.minimum.reduce(sinuses)
    cells = np.maximum(np.minimum.reduce(celled), -walls)
    air = np.minimum(open_air, cells)
    lining = np.minimum(np.minimum.reduce(celled), open_air) - 2.0
    orbit = np.maximum(np.abs(_orbit() - 1.2) - 1.2, _axes()[1][None, :, None] - 66)
    facial = np.minimum.reduce([lining, orbit, _zygoma(), _base()])
    return air, np.maximum(facial, -air)


def _eyes(rng: np.random.Generator) -> Floats:
    return _pair((32, 57, -41), (12, 12, 12), rng.uniform(0.94, 1.06))


@cache
def _orbit() -> Floats:
    return _pair((31, 46, -40), (18, 27, 18), 1.0)


@cache
def _zygoma() -> Floats:
    return np.minimum(_pair((50, 52, -60), (10, 8, 9), 1.0), _pair((30, 62, -94), (26, 20, 12), 1.0))


@cache
def _base() -> Floats:
    """Return the solid middle of the skull base: body of the sphenoid, clivus and petrous bones."""
    body = _pair((0, 6, -44), (20, 24, 14), 1.0)
    petrous = _pair((34, -14, -50), (26, 12, 9), 1.0)
    return np.minimum(body, petrous)


@cache
def _canal() -> tuple[Floats, Floats]:
    """Return the spinal canal below the brain stem, and the cord in it."""
    x, y, z = np.ix_(*_axes())
    apart = np.sqrt(x**2 + (y + 46 - 0.1 * (z + 72)) ** 2)
    above = (z + 62).astype(np.float32)
    return np.maximum(apart - 11, above), np.maximum(apart - 5.5, above)


def _fiducial(skin: Floats) -> tuple[Floats, tuple[float, float, float]]:
    """Lay a sphere on the skin of the right temple; return its level and its centre in template mm."""
    xs, ys, zs = _axes()
    j, k = int(np.argmin(np.abs(ys - 18))), int(np.argmin(np.abs(zs - 30)))
    right = np.flatnonzero(xs > 0)
    outside = right[np.argmax(skin[right, j, k] > FIDUCIAL_MM - 1)]
    centre = (float(xs[outside]), float(ys[j]), float(zs[k]))
    x, y, z = np.ix_(xs, ys, zs)
    apart = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
    return apart - FIDUCIAL_MM, centre


@cache
def _cavity() -> Floats:
    """Return the signed distance to the brain's smoothed hull; narrow clefts are closed."""
    grid = template.mask().grid
    pad = 40
    inside = np.pad(template.mask().voxels[::2, ::2, ::2] > 0, pad // 2)
    closed = _depth(_depth(inside) > -5) > 5 + 0.5  # millimetres: dilated, then eroded
    smooth = ndimage.gaussian_filter(_depth(closed), 1.6)
    nodes = np.stack(np.meshgrid(*_axes(), indexing="ij"))
    index = (nodes - (grid.affine[:3, 3] - pad).reshape(3, 1, 1, 1)) / 2
    depth: Floats = ndimage.map_coordinates(smooth, index, order=1, mode="nearest")
    return -depth


def _depth(inside: NDArray[np.bool_]) -> Floats:
    """Return the signed distance to the border in mm on a 2 mm grid, positive inside."""
    apart = ndimage.distance_transform_edt(inside, 2) - ndimage.distance_transform_edt(~inside, 2)
    depth: Floats = apart.astype(np.float32)
    return depth


@cache
def _face() -> Floats:
    """Return the level of face, nose, ears and neck."""
    face = _pair((0, 34, -78), (64, 58, 84), 1.0)
    nose = _pair((0, 90, -62), (15, 20, 26), 1.0)
    ears = _pair((79, -26, -40), (8, 14, 26), 1.0)
    neck = _pair((0, -44, -100), (64, 62, 84), 1.0)
    return _union(_union(_union(face, nose, 10), neck, 16), ears, 4)


def _skull_prior(x: Floats, y: Floats, z: Floats) -> Floats:
    """Return how much thicker or thinner than elsewhere the skull is, in mm."""
    squama = _blob(np.abs(x) - 70, y + 5, z + 14, (16, 38, 22))
    occiput = _blob(x, y + 104, z + 14, (20, 16, 24))
    brow = _blob(x, y - 76, z + 10, (40, 12, 16))
    floor = np.clip((-30 - z) / 12, 0, 1)
    thicker: Floats = -4.2 * squama + 3.5 * occiput + 2.5 * brow + 2.0 * floor
    return thicker


def _pair(centre: tuple[float, float, float], radii: tuple[float, float, float], size: float) -> Floats:
    """Return the level of an ellipsoid at `|x|`: one on either side, or one in the middle for x = 0."""
    x, y, z = np.ix_(*_axes())
    q = np.stack(np.broadcast_arrays(np.abs(x) - centre[0], y - centre[1], z - centre[2]))
    r = size * np.array(radii, float).reshape(3, 1, 1, 1)
    k = np.sqrt(((q / r) ** 2).sum(axis=0))
    slope = np.sqrt(((q / r**2) ** 2).sum(axis=0))
    level: Floats = (k * (k - 1) / np.maximum(slope, 1e-6)).astype(np.float32)
    return np.where(slope < 1e-6, np.float32(-r.min()), level)


def _blob(x: Floats, y: Floats, z: Floats, radii: tuple[float, float, float]) -> Floats:
    bell: Floats = np.exp(-((x / radii[0]) ** 2) - (y / radii[1]) ** 2 - (z / radii[2]) ** 2)
    return bell


def _union(a: Floats, b: Floats, blend: float) -> Floats:
    """Join two levels smoothly over `blend` mm (polynomial smooth minimum)."""
    h = np.clip(0.5 + 0.5 * (b - a) / blend, 0, 1)
    joined: Floats = b * (1 - h) + a * h - blend * h * (1 - h)
    return joined


def _noise(rng: np.random.Generator, step_mm: float) -> Floats:
    return draws.noise(rng, _axes(), step_mm)


def _axes() -> list[NDArray[np.float64]]:
    return [np.arange(low, high + STEP_MM / 2, STEP_MM) for low, high in BOX]
