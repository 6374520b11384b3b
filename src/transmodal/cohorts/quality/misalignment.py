"""How well two contrasts of a case lie on one another: by how many millimetres a rigid search moves one.

The search climbs the mutual information of coarse images over three shifts and three turns, at points drawn
once, between the voxels, so that no place is favoured for lying on the grid. It takes a tenth of a second and
moves nothing: `volumes.geometry.registration` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.volumes import Volume
from transmodal.volumes.geometry.blocks import block_means

Floats = NDArray[np.float64]
Levels = NDArray[np.intp]
Threshold = Callable[[NDArray[np.float32]], float]
"""Up to which value an image is background."""

LEVELS = 24
_COARSE_MM = 4.0
_BLUR = 0.7  # of the coarse image, in its voxels
_STANDS_OUT = 0.05  # share of the range above the background
_FAINT, _AIR = 0.005, 1.5  # the least such share, and how far above the air of the volume's faces
_POINTS = 12_000
_MARGIN_MM = 12.0
_LEAST_RADIUS_MM = 20.0
_LEAST_SHARED = 500
_IN_QUESTION_MM = 4.0
_RIM_MM = 12.0
_STEPS_MM = (12.0, 6.0, 3.0, 1.5)
_SWEEPS = 6
_APART_MM = 4.0


class Placing(NamedTuple):
    """What a search found.

    Attributes:
        off_mm: how far the best place is from where the two lie, mean over the content.
        gain: mutual information at the best place over that where they lie, less 1.
        likeness: what share of the mutual information of the tissue in both is gained by lying at the best
            place and not 4 mm beside it. Two images of one head gain a third and more, of two heads a sixth:
            only what is the same anatomy has to lie that exactly.
        outline_mm: as `off_mm`, of the rigid edges alone: what lies within 12 mm of the outline of either image,
            which is skin and skull of a head, the surface of a brain without them. None where `off_mm` is
            below 4 mm, so that nothing is in question.
        outline_gain: as `gain`, of the rigid edges at the best place of the whole; below 0 they lose by it.
    """

    off_mm: float
    gain: float
    likeness: float
    outline_mm: float | None = None
    outline_gain: float | None = None


def placing(fixed: Volume, moving: Volume) -> Placing | None:
    """Search for the place of `moving` on `fixed`.

    Args:
        fixed: grey or colour.
        moving: grey or colour, on the same grid.

    Returns:
        What was found; None where one of the two has no contrast at 4 mm, or the content is smaller than 20 mm
        in radius or hardly shared, as in phantoms and crops: nothing can be said then.
    """
    one, other = _Coarse.of(fixed, _plain), _Coarse.of(moving, _plain)
    points = one.points()
    if len(points) == 0 or not other.levels.any():
        return None
    search = _Search(one.at(points), other, points)
    if search.radius < _LEAST_RADIUS_MM:
        return None
    here = search.value(np.zeros(6))
    place, best = search.climb(here)
    likeness = search.likeness(place)
    if here <= 0 or likeness is None:
        return None
    found = Placing(search.moved_mm(place), best / here - 1, likeness)
    if found.off_mm < _IN_QUESTION_MM:
        return found
    turn, shift = search.map(place)
    return found._replace(**_of_outline(fixed, moving, points, turn, shift)._asdict())


class _Outline(NamedTuple):
    """What the rigid edges say; None where they hold too little in common."""

    outline_mm: float | None = None
    outline_gain: float | None = None


def _of_outline(fixed: Volume, moving: Volume, points: Floats, turn: Floats, shift: Floats) -> _Outline:
    """Return where the rigid edges lie, and what they say of a map `turn @ x + shift` in mm."""
    one, other = _Coarse.of(fixed, _faint), _Coarse.of(moving, _faint)
    rim = np.minimum(one.from_outline_mm(points), other.from_outline_mm(points)) <= _RIM_MM
    points = points[rim]
    if len(points) < _LEAST_SHARED:
        return _Outline()
    search = _Search(one.at(points), other, points)
    here = search.value(np.zeros(6))
    if here <= 0:
        return _Outline()
    own, _ = search.climb(here)
    there = _information(one.at(points), other.at(points @ turn.T + shift))
    return _Outline(search.moved_mm(own), there / here - 1)


def mutual_information(joint: NDArray[Any]) -> float:
    """Return the mutual information in nats of a joint histogram; 0 for an empty one."""
    shares = joint / max(float(joint.sum()), 1e-12)
    apart = shares.sum(axis=1, keepdims=True) * shares.sum(axis=0, keepdims=True)
    seen = shares > 0
    return float((shares[seen] * np.log(shares[seen] / apart[seen])).sum())


@dataclass(frozen=True, slots=True)
class _Coarse:
    """A volume on a grid of about 4 mm, as levels: 0 is background, the others have equal shares of the rest."""

    levels: NDArray[np.float32]
    affine: Floats

    @classmethod
    def of(cls, volume: Volume, threshold: Threshold) -> _Coarse:
        voxels = volume.voxels.mean(axis=-1, dtype=np.float32) if volume.is_colour else volume.voxels
        sides = zip(voxels.shape, volume.spacing, strict=True)
        factors = [min(n, max(1, round(_COARSE_MM / mm))) for n, mm in sides]
        means = ndimage.gaussian_filter(block_means(voxels, factors), _BLUR)
        affine = volume.affine.astype(np.float64)
        first = affine @ np.append((np.array(factors) - 1) / 2, 1.0)
        return cls(_levels(means, threshold), np.column_stack([affine[:, :3] * factors, first]))

    def points(self) -> Floats:
        """Return points in mm, `(n, 3)`, spread evenly over a box around the content; none without content."""
        content = np.argwhere(self.levels > LEVELS / 2)
        if not len(content):
            return np.empty((0, 3))
        margin = _MARGIN_MM / np.linalg.norm(self.affine[:3, :3], axis=0)
        low = np.maximum(np.percentile(content, 1, axis=0) - margin, 0)
        high = np.minimum(np.percentile(content, 99, axis=0) + margin, np.array(self.levels.shape) - 1)
        drawn = np.random.default_rng(0).random((_POINTS, 3))
        points: Floats = (low + drawn * (high - low)) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return points

    def from_outline_mm(self, points: Floats) -> Floats:
        """Return how far points in mm lie from the outline of the content, holes in it filled; within half a voxel."""
        content = ndimage.binary_fill_holes(self.levels > 0)
        spacing = np.linalg.norm(self.affine[:3, :3], axis=0)
        inside, outside = (
            ndimage.distance_transform_edt(one, sampling=spacing) for one in (content, ~content)
        )
        index = np.linalg.inv(self.affine)
        where = np.rint(index[:3, :3] @ points.T + index[:3, 3:]).astype(np.intp)
        i, j, k = np.clip(where, 0, np.array(self.levels.shape)[:, None] - 1)
        away: Floats = np.maximum(inside, outside)[i, j, k]
        return away

    def at(self, points: Floats) -> Levels:
        """Return the level at points in mm; beyond the edge, that of the edge."""
        index = np.linalg.inv(self.affine)
        return _Reader(self.levels).read(index[:3, :3] @ points.T + index[:3, 3:])


class _Reader:
    """Reads levels between the voxels; as `ndimage.map_coordinates` of order 1, in half its time."""

    def __init__(self, levels: NDArray[np.float32]) -> None:
        self._last = np.array(levels.shape)[:, None] - 1
        self._steps = np.array([levels.shape[1] * levels.shape[2], levels.shape[2], 1])
        self._steps[self._last[:, 0] == 0] = 0  # an axis of one voxel has no next one
        self._flat = levels.reshape(-1).astype(np.float64)

    def read(self, where: Floats) -> Levels:
        """Return the level nearest to the interpolated value, `(n,)`, at voxel coordinates `(3, n)`."""
        inside = np.clip(where, 0, self._last)
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
        here = self._along(axis + 1, corner, shares)
        there = self._along(axis + 1, corner + self._steps[axis], shares)
        there -= here
        there *= shares[axis]
        there += here
        return there


class _Search:
    """Places: three shifts in mm, and three turns in mm that they move the content at its radius."""

    def __init__(self, fixed: Levels, moving: _Coarse, points: Floats) -> None:
        self._fixed = fixed
        self._moving = _Reader(moving.levels)
        self._index = np.linalg.inv(moving.affine)
        tissue = points[fixed > 0]
        self._content = tissue if len(tissue) else points
        self._centre = self._content.mean(axis=0)
        self._arms = np.ascontiguousarray((points - self._centre).T)
        self.radius = float(np.sqrt(((self._content - self._centre) ** 2).sum(axis=1).mean()))

    def climb(self, here: float) -> tuple[Floats, float]:
        """Return the best place found, from no move and its value on, and the value there."""
        place, best = np.zeros(6), here
        for step in _STEPS_MM:
            for _ in range(_SWEEPS):
                before = best
                for move in _MOVES:
                    value = self.value(place + step * move)
                    if value > best:
                        place, best = place + step * move, value
                if best == before:
                    break
        return place, best

    def value(self, place: Floats) -> float:
        """Return the mutual information in nats at a place."""
        return _information(self._fixed, self._levels(place))

    def likeness(self, place: Floats) -> float | None:
        """Return what is gained by lying there and not beside; None where little tissue is shared."""
        there = self._levels(place)
        shared = (self._fixed > 0) & (there > 0)
        fixed = self._fixed[shared]
        if len(fixed) < _LEAST_SHARED:
            return None
        beside = [_information(fixed, self._levels(place + _APART_MM * move)[shared]) for move in _MOVES[:6]]
        mean = float(np.mean(beside))
        return _information(fixed, there[shared]) / mean - 1 if mean > 0 else None

    def map(self, place: Floats) -> tuple[Floats, Floats]:
        """Return a place as a map `turn @ x + shift` of points in mm."""
        turn = self._turn(place)
        return turn, self._centre + place[:3] - turn @ self._centre

    def moved_mm(self, place: Floats) -> float:
        """Return how far a place moves the content, on average."""
        arms = self._content - self._centre
        moved = arms @ self._turn(place).T + place[:3] - arms
        return float(np.linalg.norm(moved, axis=1).mean())

    def _levels(self, place: Floats) -> Levels:
        # Moved and brought to the moving image's voxels by one product.
        turns, start = self._index[:3, :3], self._index[:3, 3]
        where = (turns @ self._turn(place)) @ self._arms
        where += (turns @ (self._centre + place[:3]) + start)[:, None]
        return self._moving.read(where)

    def _turn(self, place: Floats) -> Floats:
        return _rotation(place[3:] / max(self.radius, 1e-9))


_MOVES = [sign * np.eye(6)[axis] for axis in range(6) for sign in (1, -1)]
"""Steps along each axis of a place, both ways; the shifts are the first six."""


def _information(fixed: Levels, moving: Levels) -> float:
    joint = np.bincount(fixed * LEVELS + moving, minlength=LEVELS**2)
    return mutual_information(joint.reshape(LEVELS, LEVELS))


def _rotation(turns: Floats) -> Floats:
    """Return the rotation by the vector's length, in radians, about its direction (Rodrigues)."""
    angle = float(np.linalg.norm(turns))
    if angle == 0:
        return np.eye(3)
    x, y, z = turns / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: Floats = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn


def _plain(image: NDArray[np.float32]) -> float:
    """Return up to which value an image is background."""
    low, high = np.percentile(image, (1, 99.9))
    return float(low + _STANDS_OUT * (high - low))


def _faint(image: NDArray[np.float32]) -> float:
    """Return as `_plain`, or less, down to what the air beyond the content holds: a bright lesion hides no tissue."""
    low, high = np.percentile(image, (1, 99.9))
    faces = [np.percentile(image.take(place, axis), 95) for axis in range(3) for place in (0, -1)]
    air = _AIR * (float(np.median(faces)) - low)
    return float(low + min(_STANDS_OUT * (high - low), max(air, _FAINT * (high - low))))


def _levels(image: NDArray[np.float32], threshold: Threshold) -> NDArray[np.float32]:
    background = image <= threshold(image)
    if background.all():
        return np.zeros_like(image)
    edges = np.unique(np.quantile(image[~background], np.linspace(0, 1, LEVELS)))
    found = np.interp(image, edges, np.linspace(1, LEVELS - 1, len(edges)))
    return np.where(background, 0, found).astype(np.float32)
