"""The pose of the embedded template in a head of any contrast: a quick search on a grid of about 4 mm.

The template gives every point around the brain a class: white matter, grey matter, fluid, and shells of growing
distance outside. A pose is good where the classes explain the image: by the correlation ratio, which asks for
no order of intensities, so that T1, T2, CT and an FA map are laid by one measure. The search takes half a second
of one core, draws nothing at run time and gives the same bits on every run. It is no registration: a few
millimetres off do not matter to what reads tissue by it (`volumes.appearance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from transmodal.volumes.geometry.blocks import block_means
from transmodal.volumes.regions import template
from transmodal.volumes.volume import Volume

Floats = NDArray[np.float64]

STEP_MM = 4.0
WHITE, GREY, FLUID = 0, 1, 2
"""Classes inside the brain; from 3 on come the shells outside."""
SHELLS_MM = (6.0, 12.0, 20.0, 28.0)
"""Outer ends of the shells around the brain."""

_CENTRE = np.array([0.0, -18.0, 5.0])  # of the brain, template mm: what a pose turns and stretches about
_LEAST_Z_MM = -15.0  # below it lie neck and face, which differ too much to be compared
_CLASSES = 3 + len(SHELLS_MM)
_PAD = 7
_SMOOTH = 0.5  # of the coarse image, in its voxels
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


class TemplatePoints(NamedTuple):
    """The template on its coarse grid, in a fixed random order, so that the first n are a sample.

    Attributes:
        mm: `(n, 3)` template coordinates.
        parts: `(n, 3)` fractions of white matter, grey matter and fluid.
        label: class of each point.
        depth_mm: distance to the brain's edge, for points inside.
    """

    mm: Floats
    parts: Floats
    label: NDArray[np.intp]
    depth_mm: Floats


class Pose(NamedTuple):
    """A pose of the template in an image, and its fit.

    Attributes:
        values: shift in mm, turns in radians, logarithms of size and of stretching.
        fit: correlation ratio of all classes plus that within the brain, 0 to 2; 0 where nothing fits.
        coverage: share of the template's points that lie inside the image.
    """

    values: Floats
    fit: float
    coverage: float

    def to_world(self, mm: Floats) -> Floats:
        """Return where template coordinates `(n, 3)` lie in the scanner, in RAS+ mm."""
        linear, shift = _affine(self.values)
        world: Floats = mm @ linear.T + shift
        return world


@cache
def template_points() -> TemplatePoints:
    """Return the template's points with their classes."""
    mask = template.mask()
    white, grey, inside = (_coarsen_template(v) for v in (template.wm(), template.gm(), mask))
    is_brain = inside > 0.5
    away = STEP_MM * ndimage.distance_transform_edt(~is_brain)
    depth = STEP_MM * ndimage.distance_transform_edt(is_brain)
    index = np.argwhere(away <= SHELLS_MM[-1])
    first = np.full(3, (STEP_MM - 1) / 2 - _PAD * STEP_MM)
    mm = (index * STEP_MM + first) @ mask.affine[:3, :3].T + mask.affine[:3, 3]
    at = tuple(index.T)
    is_compared = is_brain[at] | (mm[:, 2] > _LEAST_Z_MM)
    parts = np.stack([white[at], grey[at], np.clip(inside[at] - grey[at] - white[at], 0, 1)], axis=1)
    shell = 3 + np.digitize(away[at], SHELLS_MM[:-1])
    label = np.where(is_brain[at], parts.argmax(axis=1), shell)
    order = np.random.default_rng(0).permutation(np.flatnonzero(is_compared))
    return TemplatePoints(mm[order], parts[order].astype(float), label[order], depth[at][order])


class CoarseImage:
    """A grey volume on a grid of about 4 mm, read anywhere in scanner space.

    Attributes:
        means: block means, float32.
        affine: `3 x 4`, voxels of the means to RAS+ mm.
    """

    def __init__(self, volume: Volume) -> None:
        sides = zip(volume.grid.shape, volume.spacing, strict=True)
        factors = [min(n, max(1, round(STEP_MM / mm))) for n, mm in sides]
        self.means = ndimage.gaussian_filter(block_means(volume.voxels, factors), _SMOOTH)
        first = volume.affine @ np.append((np.array(factors) - 1) / 2, 1.0)
        self.affine: Floats = np.column_stack([volume.affine[:, :3] * factors, first])[:3]
        self._inverse = np.linalg.inv(self.affine[:, :3])
        self._last = np.array(self.means.shape, np.int32)[:, None] - 1
        _, j, k = self.means.shape
        self._steps = np.where(self._last[:, 0] > 0, (j * k, k, 1), 0).astype(np.int32)

    def world(self, index: Floats) -> Floats:
        """Map voxels of the means `(n, 3)` to RAS+ mm."""
        world: Floats = index @ self.affine[:, :3].T + self.affine[:, 3]
        return world

    def read(self, values: NDArray[Any], world: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return values between the voxels at points in RAS+ mm `(n, 3)`, and which points lie in the image."""
        read, is_covered = self.between(values, self._inverse @ (world.T - self.affine[:, 3:]))
        return read.astype(float), is_covered

    def affine_of(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the affine from template mm to voxels of the means at a pose: `3 x 3` and `3 x 1`."""
        linear, shift = _affine(values)
        return self._inverse @ linear, self._inverse @ (shift[:, None] - self.affine[:, 3:])

    def between(self, values: NDArray[Any], index: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return values at voxel coordinates `(3, n)`, linearly, and which of them lie in the image."""
        is_covered = np.asarray(((index >= -0.5) & (index <= self._last + 0.5)).all(axis=0))
        index = np.clip(index, 0, self._last)
        first = np.minimum(index.astype(np.int32), np.maximum(self._last - 1, 0))
        x, y, z = index - first.astype(index.dtype)
        corner, (i, j, k), flat = self._steps @ first, self._steps, values.reshape(-1)

        def along(offset: int) -> NDArray[Any]:
            near = flat.take(corner + offset)
            line: NDArray[Any] = near + (flat.take(corner + (offset + k)) - near) * z
            return line

        def across(offset: int) -> NDArray[Any]:
            near = along(offset)
            plane: NDArray[Any] = near + (along(offset + j) - near) * y
            return plane

        near = across(0)
        return near + (across(i) - near) * x, is_covered


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


class ClassSums(NamedTuple):
    """Values by class: how many, their sum and the sum of their squares, `(classes,)` each."""

    counts: Floats
    sums: Floats
    squares: Floats

    @classmethod
    def of(cls, values: NDArray[Any], label: NDArray[np.intp]) -> ClassSums:
        """Add values up by class."""
        return cls(
            np.bincount(label, minlength=_CLASSES).astype(float),
            np.asarray(np.bincount(label, values, _CLASSES), float),
            np.asarray(np.bincount(label, values**2, _CLASSES), float),
        )

    def ratio(self, classes: int = _CLASSES) -> float:
        """Return the correlation ratio: which share of the variance lies between the first classes."""
        counts, sums = self.counts[:classes], self.sums[:classes]
        square = float(sums.sum()) ** 2 / max(float(counts.sum()), 1.0)
        total = float(self.squares[:classes].sum()) - square
        between = float((sums**2 / np.maximum(counts, 1)).sum()) - square
        return between / total if total > 1e-9 * max(square, 1e-12) else 0.0


def _coarsen_template(volume: Volume) -> NDArray[np.float32]:
    step = int(STEP_MM)
    return block_means(np.pad(volume.voxels.astype(np.float32), _PAD * step), (step, step, step))


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
    middle[:3] = np.percentile(content, (2, 98), axis=0).mean(axis=0) - _CENTRE
    starts = [middle]
    for scalp, nod, size in _STARTS:
        values = np.zeros(10)
        values[3], values[6] = nod, size
        values[:3] = np.array([x, y, top - scalp]) - Pose(values, 0.0, 0.0).to_world(crown[None])[0]
        starts.append(values)
    return starts


def _affine(values: Floats) -> tuple[Floats, Floats]:
    """Return the map from template mm to scanner mm at a pose: turned and stretched about the brain's centre."""
    linear = _rotation(values[3:6]) * np.exp(values[6] + values[7:])
    return linear, _CENTRE + values[:3] - linear @ _CENTRE


def _rotation(turns: Floats) -> Floats:
    (a, b, c), (s, t, u) = np.cos(turns), np.sin(turns)
    about_x = np.array([[1, 0, 0], [0, a, -s], [0, s, a]])
    about_y = np.array([[b, 0, t], [0, 1, 0], [-t, 0, b]])
    about_z = np.array([[c, -u, 0], [u, c, 0], [0, 0, 1]])
    turned: Floats = about_x @ about_y @ about_z
    return turned
