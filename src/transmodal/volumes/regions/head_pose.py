"""The pose of the embedded template in a head of any contrast: a quick search on a grid of about 4 mm.

The template gives every point around the brain a class: white matter, grey matter, fluid, and shells of growing
distance outside. A pose is good where the classes explain the image: by the correlation ratio, which asks for
no order of intensities, so that T1, T2, CT and an FA map are laid by one measure. The search takes half a second
of one core, draws nothing at run time and gives the same bits on every run. It is no registration: a few
millimetres off do not matter to what reads tissue by it (`volumes.appearance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from transmodal.volumes.regions.coarse_image import CENTRE, CoarseImage, Pose
from transmodal.volumes.regions.template_points import ClassSums, template_points

Floats = NDArray[np.float64]


_CONTENT = 0.2  # of the range, from which on the search for the head's top takes a voxel for content
_LEAST_SEEN = 0.35  # share of the template's points that have to lie inside the image
_UNITS = np.array([8.0, 8.0, 8.0, 0.12, 0.12, 0.12, 0.08, 0.04, 0.04, 0.04])  # mm, radians, log sizes
_LIMITS = np.array([np.inf, np.inf, np.inf, 0.7, 0.7, 0.7, 0.25, 0.15, 0.15, 0.15])
_HUNG = [(scalp, 0.0, size) for size in (0.0, -0.1) for scalp in (0.0, 6.0, 12.0, 18.0)]
_STARTS = (*_HUNG, (6.0, -0.3, -0.06), (6.0, 0.3, -0.06))
"""Scalp and skull above the brain in mm, nod in radians, logarithm of the size."""
_WITHIN = 5.0  # weight of what the classes explain within the brain, which a head blown up to its skin lacks
_USUAL_SIZE, _SIZES = -0.04, 0.4  # logarithms: the template is larger than most heads
_FIELD_MM, _LEVELS = 40.0, 65
_REFINED = 4
_HOPELESS, _DOUBTFUL = 0.8, 1.9  # fits between which all places are refined, not only the best few
_FEW, _SEVERAL, _MANY = 1000, 2000, 6000


def find_pose(coarse: CoarseImage, brightness: NDArray[Any]) -> Pose | None:
    """Search for the template in an image.

    Args:
        coarse: the image's grid.
        brightness: its values there, 0 for the background, about 1 for what is bright.

    Returns:
        The best pose; None where nothing stands out of the background, or no pose has enough of the brain.
    """
    content = _find_content(coarse, brightness)
    if len(content) == 0:
        return None
    brightness = _rank_values(_remove_bias(coarse, brightness))
    search = _Search(coarse, brightness)
    near = sorted((search.climb(start) for start in _start_poses(content)), key=lambda place: -place[1])
    places = _drop_doubles([values for values, _ in near])
    refined = [search.refine(values, _SEVERAL, 7, 400, 1.0) for values in places[:_REFINED]]
    if _HOPELESS < max(fit for _, fit in refined) < _DOUBTFUL:
        refined += [search.refine(values, _SEVERAL, 7, 250, 1.0) for values in places[_REFINED:]]
    best, _ = max(refined, key=lambda place: place[1])
    values, reached = search.refine(best, _MANY, 10, 300, 0.5)
    if reached <= 0:
        return None
    read, is_covered = coarse.read(brightness, Pose(values, 0.0, 0.0).to_world(template_points().mm))
    sums = ClassSums.of(read[is_covered], template_points().label[is_covered])
    return Pose(values, sums.ratio() + sums.ratio(3), float(is_covered.mean()))


def _remove_bias(coarse: CoarseImage, brightness: NDArray[Any]) -> NDArray[np.float32]:
    """Divide an image by what is smooth in its content: a field of bias, and what of the contrast is as smooth."""
    content = (brightness > _CONTENT).astype(np.float32)
    sigma = [_FIELD_MM / float(side) for side in np.linalg.norm(coarse.affine[:, :3], axis=0)]
    smooth, share = (
        ndimage.gaussian_filter(values, sigma, mode="nearest") for values in (brightness * content, content)
    )
    field = smooth / np.maximum(share, 1e-3)
    return np.where(share > 0.05, brightness / np.maximum(field, _CONTENT), brightness).astype(np.float32)


def _rank_values(brightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give every value of the content its rank, 0.2 to 1: what differs little, as tissues in PD, comes to differ."""
    ends = np.quantile(brightness[brightness > _CONTENT], np.linspace(0, 1, _LEVELS))
    ends, at = np.unique(ends, return_index=True)
    ranks = np.interp(brightness, ends, _CONTENT + (1 - _CONTENT) * at / (_LEVELS - 1))
    return np.where(brightness > _CONTENT, ranks, np.maximum(brightness, 0)).astype(np.float32)


def _drop_doubles(near: Sequence[Floats]) -> list[Floats]:
    """Return the places, the best first, none of them twice."""
    distinct: list[Floats] = []
    for values in near:
        if all(np.abs((values - other_values) / _UNITS).max() > 0.6 for other_values in distinct):
            distinct.append(values)
    return distinct


class _Search:
    """The search for a pose in one image."""

    def __init__(self, coarse: CoarseImage, brightness: NDArray[Any]) -> None:
        self._coarse, self._brightness = coarse, brightness.astype(np.float32)
        self._mm = np.ascontiguousarray(template_points().mm[:_MANY].T, np.float32)

    def value(self, values: Floats, n: int) -> float:
        """Return how well the first n points fit at a pose; -1 where too few lie in the image."""
        linear, shift = self._coarse.affine_of(values)
        index = linear.astype(np.float32) @ self._mm[:, :n] + shift.astype(np.float32)
        read, is_covered = self._coarse.between(self._brightness, index)
        share = float(np.count_nonzero(is_covered)) / n
        sums = ClassSums.of(read[is_covered], template_points().label[:n][is_covered])
        if share < _LEAST_SEEN or sums.counts[:3].sum() < n / 20:
            return -1.0
        ratio = sums.ratio() + _WITHIN * sums.ratio(3)
        return float(ratio * share**0.25) - ((float(values[6]) - _USUAL_SIZE) / _SIZES) ** 2

    def climb(self, start: Floats) -> tuple[Floats, float]:
        """Try steps along and about each axis, and take each that is better."""
        values, best = start, self.value(start, _FEW)
        for unit in (1.0, 0.5):
            for _ in range(2):
                before = best
                for axis in range(7):
                    values, best = max(
                        [(values, best), *self._beside(values, axis, unit)], key=lambda place: place[1]
                    )
                if best == before:
                    break
        return values, best

    def _beside(self, values: Floats, axis: int, unit: float) -> list[tuple[Floats, float]]:
        steps = [values + sign * unit * _UNITS * (np.arange(10) == axis) for sign in (1.0, -1.0)]
        return [(step, self.value(step, _FEW)) for step in steps]

    def refine(self, start: Floats, n: int, free: int, calls: int, size: float) -> tuple[Floats, float]:
        """Search along conjugate directions (Powell 1964) over the first `free` values."""

        def moved(step: Floats) -> Floats:
            values: Floats = start + np.append(step, np.zeros(10 - free)) * _UNITS
            return values

        def cost(step: Floats) -> float:
            values = moved(step)
            return 2.0 if (np.abs(values) > _LIMITS).any() else -self.value(values, n)

        minimum = optimize.minimize(
            cost,
            np.zeros(free),
            method="Powell",
            options={"maxfev": calls, "xtol": 0.02, "ftol": 1e-4, "direc": size * np.eye(free)},
        )
        return moved(minimum.x), -float(minimum.fun)


def _find_content(coarse: CoarseImage, brightness: NDArray[Any]) -> Floats:
    """Return where the largest connected content lies, `(n, 3)` in RAS+ mm."""
    label, n = ndimage.label(ndimage.binary_opening(brightness > _CONTENT))
    if n == 0:
        return np.empty((0, 3))
    return coarse.world(np.argwhere(label == np.bincount(label.ravel())[1:].argmax() + 1).astype(float))


def _start_poses(content: Floats) -> Sequence[Floats]:
    """Return poses that hang the brain below the head's top, and one about the content's middle."""
    brain = template_points().mm[template_points().label < 3]
    crown = np.array([0.0, (brain[:, 1].min() + brain[:, 1].max()) / 2, brain[:, 2].max()])
    top = float(np.percentile(content[:, 2], 99.9))
    x, y, _ = np.percentile(content[content[:, 2] > top - 120], (2, 98), axis=0).mean(axis=0)
    middle = np.zeros(10)
    middle[:3] = np.percentile(content, (2, 98), axis=0).mean(axis=0) - CENTRE
    starts = [middle]
    for scalp, nod, size in _STARTS:
        values = np.zeros(10)
        values[3], values[6] = nod, size
        values[:3] = np.array([x, y, top - scalp]) - Pose(values, 0.0, 0.0).to_world(crown[None])[0]
        starts.append(values)
    return starts
