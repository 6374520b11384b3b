"""The head around the brain: CSF, skull with diploe, air cells, fat, muscle, skin, eyes. All of it simulated.

Every border is the zero of a smooth function of the template's millimetres, negative inside. They are
computed on a coarse template grid, so that they follow each subject's warp and do not depend on how the
subject is scanned.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transmodal.cohorts.simulation import draws, landmarks
from transmodal.cohorts.simulation.draws import Floats

FIDUCIAL_MM = 5.0
"""Radius of the oil capsule that is stuck to the right temple: it tells right from left."""

_SOLID = ("inner", "outer", "skin", "air", "bone", "eye", "canal", "cord", "fiducial")
CHANNELS = (*_SOLID, "fat", "muscle", "marrow")
_CHUNK = 1 << 14


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
    x, y, z = np.ix_(*landmarks.axes())
    cavity, face = landmarks.cavity(), landmarks.face()
    size = rng.uniform(0.85, 1.2, 4)
    csf = (1.9 * size[0] + 0.9 * _noise(rng, 22) + 0.5 * _noise(rng, 11)).clip(0.7, 7)
    inner = cavity - csf
    even = 6.2 * size[1] * (1 + 0.2 * _noise(rng, 30)) + landmarks.skull_prior(x, y, z)
    outer = inner - (even + 0.8 * _noise(rng, 12)).clip(1.6, 15)
    temple = landmarks.blob(np.abs(x) - 66, y - 12, z + 18, (26, 38, 36))
    scalp = (5.8 * size[2] * (1 + 0.2 * _noise(rng, 34))).clip(3.5, 12) + 7 * temple
    skin = landmarks.union(cavity - 2 - even.clip(2, 13) - scalp, face + 1.5 * _noise(rng, 26), 9)
    fat = (2.7 * size[3] * (1 + 0.3 * _noise(rng, 30))).clip(0.8, 7)
    low = np.clip((-38 - z) / 10, 0, 1) * (0.4 + 0.8 * np.clip((20 - y) / 30, 0, 1))
    muscle = 3.2 * temple + low + 0.85 * _noise(rng, 13) - 0.3 - 3 * (landmarks.orbit() < 0)
    air, bone = _cells(rng)
    air = np.maximum(air, skin + 5)
    canal, cord = landmarks.canal()
    fiducial, at = _fiducial(skin)
    marrow, eye = _noise(rng, 9), _eyes(rng)
    fields = (inner, outer, skin, air, bone, eye, canal, cord, fiducial, fat, muscle, marrow)
    return Borders(np.stack(np.broadcast_arrays(*fields), axis=-1).astype(np.float32), at)


def shells(borders: Borders, template_mm: Floats, brain: Floats, spacing_mm: float) -> Shells:
    """Turn borders into fractions of the voxels.

    Args:
        borders: the subject's level functions.
        template_mm: `(3, I, J, K)`, where each voxel lies.
        brain: fraction of each voxel that is brain, `(I, J, K)`.
        spacing_mm: width of a voxel: over it each border goes from 0 to 1.
    """
    level = _sample(borders.levels, template_mm)
    width = np.float32(spacing_mm)
    within = {name: _within(level[name], width) for name in _SOLID}
    cavity = np.maximum(brain, within["inner"])
    vault = np.maximum(cavity, within["outer"])
    head = np.maximum(vault, within["skin"])
    inner_air = (head - cavity) * within["air"]
    solid = 1 - within["air"]
    soft = (head - vault) * solid
    bone = (vault - cavity) * solid + soft * within["bone"]
    soft = soft * (1 - within["bone"])
    tunnel = (bone + soft) * within["canal"]
    bone, soft = bone * (1 - within["canal"]), soft * (1 - within["canal"])
    cord = tunnel * within["cord"]
    diploe = bone * _marrow(level, width)
    globe = soft * within["eye"]
    fat, muscle, skin = _soft(level, soft - globe, width)
    capsule = (1 - head) * within["fiducial"]
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


def _sample(levels: Floats, template_mm: Floats) -> dict[str, Floats]:
    """Interpolate all channels linearly at once, a few rows of voxels at a time to stay in the cache."""
    shape = template_mm.shape[1:]
    points = template_mm.reshape(3, -1)
    fields = np.empty((len(CHANNELS), points.shape[1]), np.float32)
    for start in range(0, points.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        fields[:, part] = _interpolate(levels, points[:, part]).T
    return {name: field.reshape(shape) for name, field in zip(CHANNELS, fields, strict=True)}


def _interpolate(levels: Floats, points: Floats) -> Floats:
    """Return the channels at points `(3, P)` in template mm, `(P, channel)`; at the box's edge beyond it."""
    flat = levels.reshape(-1, levels.shape[-1])
    strides = (levels.shape[1] * levels.shape[2], levels.shape[2], 1)
    base = np.zeros(points.shape[1], np.int32)
    weights = []
    for at, (low, _), size, stride in zip(points, landmarks.BOX, levels.shape, strides, strict=False):
        index = ((at - np.float32(low)) / np.float32(landmarks.STEP_MM)).clip(0, np.float32(size - 1.001))
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
        landmarks.pair((27, 50, -72), (13, 17, 17), size[0]),
        landmarks.pair((9, 74, -12), (10, 5, 11), size[1]),
        landmarks.pair((7, 16, -42), (8, 11, 10), size[2]),
    ]
    celled = [
        landmarks.pair((54, -36, -50), (12, 15, 20), size[3]),
        landmarks.pair((8, 44, -40), (7, 20, 11), size[4]),
        landmarks.pair((5, 56, -66), (7, 32, 20), size[5]),
    ]
    open_air = np.minimum.reduce(sinuses)
    cells = np.maximum(np.minimum.reduce(celled), -walls)
    air = np.minimum(open_air, cells)
    lining = np.minimum(np.minimum.reduce(celled), open_air) - 2.0
    orbit = np.maximum(np.abs(landmarks.orbit() - 1.2) - 1.2, landmarks.axes()[1][None, :, None] - 66)
    facial = np.minimum.reduce([lining, orbit, landmarks.zygoma(), landmarks.base()])
    return air, np.maximum(facial, -air)


def _eyes(rng: np.random.Generator) -> Floats:
    return landmarks.pair((32, 57, -41), (12, 12, 12), rng.uniform(0.94, 1.06))


def _fiducial(skin: Floats) -> tuple[Floats, tuple[float, float, float]]:
    """Lay a sphere on the skin of the right temple; return its level and its centre in template mm."""
    xs, ys, zs = landmarks.axes()
    j, k = int(np.argmin(np.abs(ys - 18))), int(np.argmin(np.abs(zs - 30)))
    right = np.flatnonzero(xs > 0)
    outside = right[np.argmax(skin[right, j, k] > FIDUCIAL_MM - 1)]
    centre = (float(xs[outside]), float(ys[j]), float(zs[k]))
    x, y, z = np.ix_(xs, ys, zs)
    apart = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
    return apart - FIDUCIAL_MM, centre


def _noise(rng: np.random.Generator, step_mm: float) -> Floats:
    return draws.noise(rng, landmarks.axes(), step_mm)
