"""A search over three shifts and three turns for the place where two coarse images share most information."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.quality.coarse_levels import N_LEVELS, CoarseLevels, Floats, LevelReader, Levels

LEAST_SHARED = 500
"""Points in common, at least, from which anything is said."""

_STEPS_MM = (12.0, 6.0, 3.0, 1.5)
_SWEEPS = 6
_APART_MM = 4.0

_MOVES = [sign * np.eye(6)[axis] for axis in range(6) for sign in (1, -1)]
"""Steps along each axis of a place, both ways; the shifts are the first six."""


def mutual_information(joint: NDArray[Any]) -> float:
    """Return the mutual information in nats of a joint histogram; 0 for an empty one."""
    shares = joint / max(float(joint.sum()), 1e-12)
    independent = shares.sum(axis=1, keepdims=True) * shares.sum(axis=0, keepdims=True)
    filled = shares > 0
    return float((shares[filled] * np.log(shares[filled] / independent[filled])).sum())


def information(fixed: Levels, moving: Levels) -> float:
    """Return the mutual information in nats of two images' levels at the same points."""
    joint = np.bincount(fixed * N_LEVELS + moving, minlength=N_LEVELS**2)
    return mutual_information(joint.reshape(N_LEVELS, N_LEVELS))


class RigidSearch:
    """Places: three shifts in mm, and three turns in mm that they move the content at its radius."""

    def __init__(self, fixed: Levels, moving: CoarseLevels, points: Floats) -> None:
        self._fixed = fixed
        self._moving = LevelReader(moving.levels)
        self._index = np.linalg.inv(moving.affine)
        tissue = points[fixed > 0]
        self._content = tissue if len(tissue) else points
        self._centre = self._content.mean(axis=0)
        self._arms = np.ascontiguousarray((points - self._centre).T)
        self.radius = float(np.sqrt(((self._content - self._centre) ** 2).sum(axis=1).mean()))

    def climb(self, start: float) -> tuple[Floats, float]:
        """Return the best place that is reached from no move, whose value is given, and the value there."""
        place, best = np.zeros(6), start
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
        return information(self._fixed, self._levels(place))

    def similarity(self, place: Floats) -> float | None:
        """Return the share that is gained by lying there and not 4 mm beside; None where little tissue is shared."""
        levels = self._levels(place)
        shared = (self._fixed > 0) & (levels > 0)
        fixed = self._fixed[shared]
        if len(fixed) < LEAST_SHARED:
            return None
        beside = [information(fixed, self._levels(place + _APART_MM * move)[shared]) for move in _MOVES[:6]]
        mean = float(np.mean(beside))
        return information(fixed, levels[shared]) / mean - 1 if mean > 0 else None

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
        coordinates = (turns @ self._turn(place)) @ self._arms
        coordinates += (turns @ (self._centre + place[:3]) + start)[:, None]
        return self._moving.read(coordinates)

    def _turn(self, place: Floats) -> Floats:
        return _rotation(place[3:] / max(self.radius, 1e-9))


def _rotation(turns: Floats) -> Floats:
    """Return the rotation by the vector's length, in radians, about its direction (Rodrigues)."""
    angle = float(np.linalg.norm(turns))
    if angle == 0:
        return np.eye(3)
    x, y, z = turns / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: Floats = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn
