"""Mean anatomies of a training split: centred, or registered to each other and then to a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation.oracles.training import Float, OracleCases, Predict
from transmodal.inference.preprocessing import Preprocessed, Preprocessing, preprocess_case
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.registration import register
from transmodal.volumes.geometry.reorient import resample

SPACING_MM = 2.0
"""Of the grid that means are taken on, where the preprocessing has no spacing of its own."""

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class CentredMean:
    """A mean volume whose world origin is the centroid of the region.

    Attributes:
        volume: the mean; the preprocessing's fill where no training case reaches.
    """

    volume: Volume

    def at(self, centre: Float) -> Volume:
        """Return the mean moved so that its origin lies at `centre`, RAS+ mm."""
        return Volume(self.volume.voxels, _shifted(self.volume.affine, centre))


COARSER = 1.5
"""How much coarser an atlas is registered: a mean of many brains has no finer detail to register by."""


@dataclass(frozen=True, slots=True)
class Atlas:
    """A mean source and the mean target in the same place.

    Attributes:
        source: mean of the first source in [0, 1], 0 outside the region.
        target: mean of the target, real units.
        fill: value where the atlas does not reach.
    """

    source: Volume
    target: Volume
    fill: float

    def predict(self, preprocessed: Preprocessed) -> Volume:
        """Return the mean target on the case's working grid, registered (affine, deformable) by the source."""
        fixed = _first_source(preprocessed)
        registered = register(fixed, self.source, kind="deformable", spacing_mm=COARSER * max(fixed.spacing))
        return _warped(registered.warp, self.target, self.fill)


def fit_mean_target(training: OracleCases) -> Predict:
    """Fit the mean of the targets, each centred on its source's region."""
    mean = mean_target(training.cases, training.preprocessing, training.tick)
    return lambda preprocessed: mean.at(centroid(preprocessed.canonical.grid, preprocessed.region))


def fit_registered_mean(training: OracleCases) -> Predict:
    """Fit the mean of the targets that is registered to each case."""
    return build_atlas(training.cases, training.preprocessing, training.tick).predict


def centroid(grid: Grid, region: NDArray[np.bool_]) -> Float:
    """Return the centre of mass of a region in RAS+ mm."""
    total = float(region.sum())
    voxel = [
        float((region.sum(axis=tuple({0, 1, 2} - {axis})) * np.arange(n)).sum()) / total
        for axis, n in enumerate(region.shape)
    ]
    return grid.world(np.array(voxel))


def mean_target(cases: Sequence[PreparedCase], preprocessing: Preprocessing, tick: Tick) -> CentredMean:
    """Return the mean of the targets, each centred on the centroid of its source's region."""
    grid = _common_grid(cases, preprocessing)
    return CentredMean(
        _mean(
            (_centred(case, preprocessing, case.volume(preprocessing.target), grid) for case in cases),
            preprocessing.fill,
            tick,
        )
    )


def build_atlas(cases: Sequence[PreparedCase], preprocessing: Preprocessing, tick: Tick) -> Atlas:
    """Return the mean source and target after registering every training source to the centred mean.

    One affine pass: it takes away what differs in size and pose, so that the mean is sharp enough to be
    registered in turn.
    """
    grid = _common_grid(cases, preprocessing)
    sources = [_first_source(preprocess_case(preprocessing, case)) for case in cases]
    pairs = list(zip(cases, sources, strict=True))
    rough = _mean((_centred(case, preprocessing, source, grid) for case, source in pairs), 0.0, _silent)
    registered = []
    for case, source in pairs:
        warp = register(rough, source, kind="affine").warp
        target = case.volume(preprocessing.target, preprocessing.spacing_mm)
        registered.append((_warped(warp, source, np.nan), _warped(warp, target, np.nan)))
        tick()
    return Atlas(
        _mean((source for source, _ in registered), 0.0, _silent),
        _mean((target for _, target in registered), preprocessing.fill, _silent),
        preprocessing.fill,
    )


def _common_grid(cases: Sequence[PreparedCase], preprocessing: Preprocessing) -> Grid:
    """Return a grid around 0 mm that holds every case, moved so that its region's centroid lies at 0."""
    spacing = preprocessing.spacing_mm or SPACING_MM
    corners = np.concatenate([case.grid.corners() - _centre_of(case, preprocessing) for case in cases])
    low, high = np.floor(corners.min(axis=0) / spacing), np.ceil(corners.max(axis=0) / spacing)
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = low * spacing
    i, j, k = (int(n) for n in high - low + 1)
    return Grid((i, j, k), affine)


def _centre_of(case: PreparedCase, preprocessing: Preprocessing) -> Float:
    return centroid(case.grid, case.region(preprocessing.sources[0], preprocessing.region))


def _centred(case: PreparedCase, preprocessing: Preprocessing, volume: Volume, grid: Grid) -> Volume:
    """Bring a case's volume onto the common grid; NaN where it has no voxels."""
    affine = _shifted(volume.affine, -_centre_of(case, preprocessing))
    return resample(Volume(volume.voxels.astype(np.float32), affine), grid, fill=np.nan)


def _mean(volumes: Iterable[Volume], fill: float, tick: Tick) -> Volume:
    """Return the mean where at least one volume has a value, `fill` elsewhere."""
    sums, counts, affine = np.zeros(()), np.zeros(()), np.eye(4)
    for volume in volumes:
        finite = np.isfinite(volume.voxels)
        sums = sums + np.where(finite, volume.voxels, 0)
        counts = counts + finite
        affine = volume.affine
        tick()
    mean = np.where(counts > 0, sums / np.maximum(counts, 1), fill).astype(np.float32)
    return Volume(mean, affine)


def _first_source(preprocessed: Preprocessed) -> Volume:
    """Return the first source on the working grid in [0, 1], grey, 0 outside the region."""
    volume = next(iter(preprocessed.working.values()))
    grey = volume.voxels.mean(axis=-1) if volume.is_colour else volume.voxels
    return volume.with_voxels(((grey + 1) / 2).astype(np.float32))


def _warped(warp: Callable[..., Volume], volume: Volume, fill: float) -> Volume:
    if not volume.is_colour:
        return warp(volume, fill=fill)
    parts = [warp(volume.with_voxels(volume.voxels[..., n]), fill=fill) for n in range(3)]
    return Volume(np.stack([part.voxels for part in parts], axis=-1), parts[0].affine)


def _shifted(affine: NDArray[Any], by: Float) -> Float:
    moved: Float = np.array(affine, dtype=np.float64)
    moved[:3, 3] += by
    return moved


def _silent() -> None:
    """Count nothing."""
