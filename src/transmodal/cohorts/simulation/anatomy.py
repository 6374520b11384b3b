"""A virtual subject's anatomy: a diffeomorphism and an affine of the template, and the map from voxels back to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.cohorts.simulation.draws import Floats, expand, noise
from transmodal.volumes import Grid
from transmodal.volumes.regions import template
from transmodal.volumes.volume import Affine

LATTICE_MM = 6.0
"""Step of the lattices on which displacements are kept."""
PEAK_MM = (5.0, 8.0)
"""Range of the largest displacement of a subject."""
ROTATION_DEG = 8.0
SCALE = 0.08
SHIFT_MM = 6.0
_CENTRE = np.array([0.0, -18.0, 5.0])
"""Centre of the affine's rotation: the middle of the brain, in template mm."""
_BOX = ((-110.0, 110.0), (-150.0, 125.0), (-125.0, 120.0))
"""The head and its surroundings in template mm; the warp is defined here."""
_SQUARINGS = 7


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """A diffeomorphism of the template's space: `p` goes to `p + u(p)`.

    Attributes:
        coefficients: cubic spline of `u` in mm, `(3, X, Y, Z)`, on the lattice of `LATTICE_MM` over the head.
        peak_mm: length of the longest displacement in the brain.
        jacobian_min: smallest Jacobian determinant on the lattice; above 0.
        jacobian_max: the largest.
    """

    coefficients: Floats
    peak_mm: float
    jacobian_min: float
    jacobian_max: float


class Place(NamedTuple):
    """Positions of a target grid's voxels in the template, and the lattice between the two.

    Attributes:
        template_mm: `(3, I, J, K)`: template coordinates of every voxel's content.
        nodes_mm: the same for the nodes of a coarse lattice along the grid's axes, `(3, i, j, k)`.
        nodes_world: `(3, i, j, k)`: scanner coordinates of the nodes.
        positions: where the voxels lie on the lattice, in its steps, per axis.
    """

    template_mm: Floats
    nodes_mm: Floats
    nodes_world: Floats
    positions: tuple[NDArray[np.float64], ...]

    def spread(self, values: Floats) -> Floats:
        """Interpolate values at the nodes, `(i, j, k)`, to all voxels, `(I, J, K)`."""
        return expand(ndimage.spline_filter(values, output=np.float32), self.positions)


class Brain(NamedTuple):
    """The warped sources at the voxels that hold brain, each of shape `(P,)`, float32.

    `indices` are the flat indices of these voxels; `inside` is the fraction of the voxel that is brain; `csf + gm + wm = inside`. `t1` and `fa` are what
    the real volumes hold, weighted by that fraction.
    """

    indices: NDArray[np.intp]
    t1: Floats
    gm: Floats
    wm: Floats
    csf: Floats
    fa: Floats
    inside: Floats


def draw_warp(rng: np.random.Generator) -> Warp:
    """Draw a stationary velocity field of two scales and follow it for one unit of time.

    The coarse scale moves lobes, the fine one bends gyri.
    """
    axes = _axes()
    velocity = np.stack([noise(rng, axes, 42.0) + 0.2 * noise(rng, axes, 15.0) for _ in axes])
    longest = np.sqrt((velocity**2).sum(axis=0))[_brain_nodes()].max()
    displacement = exponential(velocity * np.float32(rng.uniform(*PEAK_MM) / longest))
    determinants = jacobian(displacement, (LATTICE_MM,) * 3)
    lengths = np.sqrt((displacement**2).sum(axis=0))[_brain_nodes()]
    coefficients = np.stack([ndimage.spline_filter(u, output=np.float32) for u in displacement])
    return Warp(coefficients, float(lengths.max()), float(determinants.min()), float(determinants.max()))


def exponential(velocity: Floats) -> Floats:
    """Integrate a stationary velocity field by scaling and squaring; both in mm, `(3, X, Y, Z)`."""
    u = velocity / np.float32(2**_SQUARINGS)
    index = np.indices(u.shape[1:], dtype=np.float32)
    for _ in range(_SQUARINGS):
        target = index + u / np.float32(LATTICE_MM)
        u = u + np.stack([ndimage.map_coordinates(c, target, order=1, mode="nearest") for c in u])
    return u


def jacobian(displacement: Floats, spacing: tuple[float, float, float]) -> Floats:
    """Return the determinant of the Jacobian of `p + u(p)`, `(X, Y, Z)`, by central differences."""
    rows = [np.stack(np.gradient(component, *spacing)) for component in displacement]
    matrix = np.moveaxis(np.stack(rows), (0, 1), (-2, -1)) + np.eye(3, dtype=np.float32)
    determinant: Floats = np.linalg.det(matrix)
    return determinant


def draw_affine(rng: np.random.Generator) -> Affine:
    """Draw rotation, scale per axis and shift about the brain's middle; template mm to scanner mm."""
    turned = rotation(rng, ROTATION_DEG) @ np.diag(1 + rng.uniform(-SCALE, SCALE, 3))
    affine = np.eye(4)
    affine[:3, :3] = turned
    affine[:3, 3] = _CENTRE + rng.uniform(-SHIFT_MM, SHIFT_MM, 3) - turned @ _CENTRE
    return affine


def rotation(rng: np.random.Generator, degrees: float) -> NDArray[np.float64]:
    """Draw a rotation by up to `degrees` about a random axis (Rodrigues)."""
    x, y, z = (axis := rng.standard_normal(3)) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(rng.uniform(0, degrees))
    turned: NDArray[np.float64] = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned


def place(grid: Grid, affine: Affine, warp: Warp, shift_mm: NDArray[np.float64]) -> Place:
    """Find where in the template the content of every voxel of a grid comes from.

    Args:
        grid: the target grid, in scanner mm.
        affine: template mm to scanner mm.
        warp: what comes after its inverse.
        shift_mm: by how much the content is moved in the scanner, `(3,)`.
    """
    steps = [max(1, round(LATTICE_MM / spacing)) for spacing in grid.spacing]
    positions = tuple(np.arange(n) / s + 1 for n, s in zip(grid.shape, steps, strict=True))
    nodes = [(np.arange(int(at[-1]) + 3) - 1) * s for at, s in zip(positions, steps, strict=True)]
    back = np.linalg.inv(affine)
    back[:3, 3] -= back[:3, :3] @ shift_mm
    to_template = back @ grid.affine
    nodes_mm = _map_axes(to_template, nodes)
    moved = displacement_at(warp, nodes_mm)
    whole = _map_axes(to_template, [np.arange(n) for n in grid.shape])
    bare = Place(whole, nodes_mm + moved, _map_axes(grid.affine, nodes), positions)
    for axis in range(3):
        whole[axis] += bare.spread(moved[axis])
    return bare


def displacement_at(warp: Warp, points_mm: Floats) -> Floats:
    """Return `u` at points `(3, ...)` in template mm."""
    low = np.array([box[0] for box in _BOX], np.float32).reshape(3, *[1] * (points_mm.ndim - 1))
    index = (points_mm - low) / np.float32(LATTICE_MM)
    return np.stack(
        [
            ndimage.map_coordinates(u, index, order=3, mode="mirror", prefilter=False)
            for u in warp.coefficients
        ]
    )


def to_scanner(points_mm: NDArray[np.float64], affine: Affine, warp: Warp) -> NDArray[np.float64]:
    """Map template points `(P, 3)` to scanner mm: the inverse of `place`, by fixed-point iteration."""
    goal: Floats = points_mm.T.astype(np.float32)
    at = goal
    for _ in range(16):
        at = goal - displacement_at(warp, at)
    moved: NDArray[np.float64] = at.T.astype(np.float64) @ affine[:3, :3].T + affine[:3, 3]
    return moved


def brain(location: Place, spacing_mm: float) -> Brain:
    """Sample the template's maps, smoothed for the spacing, once and only where there is brain."""
    origin = template.t1().affine[:3, 3]
    index = location.template_mm.reshape(3, -1) - origin.astype(np.float32)[:, None]
    near = _near(index)
    index = index[:, near]
    t1, gm, wm, fa, inside = (
        ndimage.map_coordinates(source, index, order=1, mode="constant")
        for source in _sources(round(spacing_mm, 3))
    )
    tissue = np.maximum(gm + wm, 1e-6)
    fit = np.minimum(1, inside / tissue)  # interpolation and rounding leave a little more than there is room
    gm, wm = gm * fit, wm * fit
    return Brain(near, t1, gm, wm, np.maximum(inside - gm - wm, 0), fa, inside)


def surface() -> NDArray[np.float64]:
    """Return points on the template brain's surface in mm, `(P, 3)`."""
    inside = template.mask().voxels > 0
    shell = np.argwhere(inside & ~ndimage.binary_erosion(inside))[::97]
    return template.mask().grid.world(shell.astype(np.float64))


def _axes() -> list[NDArray[np.float64]]:
    return [np.arange(low, high + LATTICE_MM, LATTICE_MM) for low, high in _BOX]


def _map_axes(matrix: Affine, axes: list[NDArray[np.int_]]) -> Floats:
    """Map the open grid of three index axes by an affine, `(3, I, J, K)`."""
    i, j, k = np.ix_(*axes)
    rows = [row[0] * i + row[3] + (row[1] * j + row[2] * k) for row in matrix[:3]]
    return np.stack(rows).astype(np.float32)


def _near(index: Floats) -> NDArray[np.intp]:
    """Return the flat indices of the points that lie within some millimetres of brain."""
    near = _dilate_brain()
    nearest = np.rint(index).astype(np.int16)
    inside = np.ones(nearest.shape[1], dtype=bool)
    for axis, size in enumerate(near.shape):
        inside &= (nearest[axis] >= 0) & (nearest[axis] < size)
    candidates = np.flatnonzero(inside)
    i, j, k = nearest[:, candidates]
    close: NDArray[np.intp] = candidates[near[i, j, k]]
    return close


@cache
def _brain_nodes() -> NDArray[np.bool_]:
    """Return which nodes of the warp's lattice lie in the brain or close by."""
    origin = template.mask().affine[:3, 3]
    index = np.stack(np.meshgrid(*[a - o for a, o in zip(_axes(), origin, strict=True)], indexing="ij"))
    sampled = ndimage.map_coordinates(_dilate_brain().astype(np.uint8), index, order=0, mode="constant")
    near: NDArray[np.bool_] = sampled > 0
    return near


@cache
def _dilate_brain() -> NDArray[np.bool_]:
    grown: NDArray[np.bool_] = ndimage.binary_dilation(template.mask().voxels > 0, iterations=4)
    return grown


@cache
def _sources(spacing_mm: float) -> tuple[Floats, ...]:
    """Return T1, GM, WM, FA and mask at 1 mm, smoothed so that a grid of this spacing does not alias."""
    sigma = 0.42 * np.sqrt(max(spacing_mm**2 - 1, 0))
    inside = template.mask().voxels > 0
    volumes = (template.t1(), template.gm(), template.wm(), template.fa(), template.mask())
    brains = [np.where(inside, volume.voxels, 0).astype(np.float32) for volume in volumes]
    return tuple(ndimage.gaussian_filter(voxels, sigma, truncate=3) for voxels in brains)
