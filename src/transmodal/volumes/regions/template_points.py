"""The embedded template as points with their classes, and sums of values by class."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.volumes.geometry.blocks import block_means
from transmodal.volumes.regions import template
from transmodal.volumes.regions.coarse_image import STEP_MM
from transmodal.volumes.volume import Volume

Floats = NDArray[np.float64]


WHITE, GREY, FLUID = 0, 1, 2
"""Classes inside the brain; from 3 on come the shells outside."""
SHELLS_MM = (6.0, 12.0, 20.0, 28.0)
"""Outer ends of the shells around the brain."""
_LEAST_Z_MM = -15.0  # below it lie neck and face, which differ too much to be compared
_CLASSES = 3 + len(SHELLS_MM)
_PAD = 7


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
