"""Misalignment of two contrasts of a case: the distance in millimetres by which a rigid search moves one.

The search (`rigid_search`) climbs the mutual information of coarse images (`coarse_levels`) at points drawn once,
between the voxels, so that no place is favoured for lying on the grid. It takes a tenth of a second and moves
nothing: `volumes.geometry.registration` does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.quality.coarse_levels import CoarseLevels, faint_threshold, plain_threshold
from transmodal.cohorts.quality.rigid_search import LEAST_SHARED, RigidSearch, information
from transmodal.volumes import Volume

Floats = NDArray[np.float64]

_LEAST_RADIUS_MM = 20.0
_IN_QUESTION_MM = 4.0
_RIM_MM = 12.0


class Misalignment(NamedTuple):
    """Misalignment of two contrasts of a case.

    Attributes:
        off_mm: distance of the best place from where the two lie, mean over the content.
        gain: mutual information at the best place over that where they lie, less 1.
        similarity: the share of the mutual information of the tissue in both that is gained by lying at the best
            place and not 4 mm beside it. Two images of one head gain a third and more, of two heads a sixth:
            only what is the same anatomy has to lie that exactly.
        outline_mm: as `off_mm`, of the rigid edges alone: what lies within 12 mm of the outline of either image,
            which is skin and skull of a head, the surface of a brain without them. None where `off_mm` is
            below 4 mm, so that nothing is in question.
        outline_gain: as `gain`, of the rigid edges at the best place of the whole; below 0 they lose by it.
    """

    off_mm: float
    gain: float
    similarity: float
    outline_mm: float | None = None
    outline_gain: float | None = None


def measure_misalignment(fixed: Volume, moving: Volume) -> Misalignment | None:
    """Search for the place of `moving` on `fixed`.

    Args:
        fixed: grey or colour.
        moving: grey or colour, on the same grid.

    Returns:
        The distance and what it gains; None where one of the two has no contrast at 4 mm, or the content is smaller
        than 20 mm in radius or hardly shared, as in phantoms and crops: nothing can be said then.
    """
    fixed_levels = CoarseLevels.of(fixed, plain_threshold)
    moving_levels = CoarseLevels.of(moving, plain_threshold)
    points = fixed_levels.points()
    if len(points) == 0 or not moving_levels.levels.any():
        return None
    search = RigidSearch(fixed_levels.at(points), moving_levels, points)
    if search.radius < _LEAST_RADIUS_MM:
        return None
    start = search.value(np.zeros(6))
    place, best = search.climb(start)
    similarity = search.similarity(place)
    if start <= 0 or similarity is None:
        return None
    misalignment = Misalignment(search.moved_mm(place), best / start - 1, similarity)
    if misalignment.off_mm < _IN_QUESTION_MM:
        return misalignment
    outline = _measure_outline(fixed, moving, points, *search.map(place))
    return misalignment._replace(outline_mm=outline.off_mm, outline_gain=outline.gain)


class _Outline(NamedTuple):
    """Misalignment of the rigid edges; None where they hold too little in common."""

    off_mm: float | None = None
    gain: float | None = None


def _measure_outline(fixed: Volume, moving: Volume, points: Floats, turn: Floats, shift: Floats) -> _Outline:
    """Return where the rigid edges lie, and what they gain by a map `turn @ x + shift` in mm."""
    fixed_levels = CoarseLevels.of(fixed, faint_threshold)
    moving_levels = CoarseLevels.of(moving, faint_threshold)
    distance_mm = np.minimum(fixed_levels.from_outline_mm(points), moving_levels.from_outline_mm(points))
    points = points[distance_mm <= _RIM_MM]
    if len(points) < LEAST_SHARED:
        return _Outline()
    search = RigidSearch(fixed_levels.at(points), moving_levels, points)
    start = search.value(np.zeros(6))
    if start <= 0:
        return _Outline()
    best_place, _ = search.climb(start)
    mapped = information(fixed_levels.at(points), moving_levels.at(points @ turn.T + shift))
    return _Outline(search.moved_mm(best_place), mapped / start - 1)
