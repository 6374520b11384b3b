"""Registration of one volume to another: rigid, affine or deformable; the same bits on every run.

Both volumes are brought to coarse working grids, every voxel of which enters the metric (no random
sampling), and every filter runs on one thread. The deformable part is the diffeomorphic demons method on
intensities that are first matched; its smoothing is raised until the map folds nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)
from numpy.typing import NDArray

from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.demons import demons
from transmodal.volumes.geometry.linear_search import Linear, climb, find_starts, register_linearly
from transmodal.volumes.geometry.similarity import BINS, similarity_before_and_after
from transmodal.volumes.geometry.working_pair import Metric, WorkingPair, centre_of_mass
from transmodal.volumes.volume import Grid, Volume

Kind = Literal["rigid", "affine", "deformable"]
Mask = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]

_SMOOTHINGS = (1.5, 2.0, 3.0, 4.5)  # of the displacement field, in working voxels
_ITERATIONS = (60, 30)  # of the demons on the coarse and the fine level


class Quality(NamedTuple):
    """Similarity of the two volumes before and after, and the stretching by the map.

    Attributes:
        metric: `correlation` (Pearson's r) or `mutual_information` (in nats).
        before: with the positions that the headers give.
        after: with the transform found.
        jacobian: least and greatest determinant of the whole map; above 0, it folds nowhere.
    """

    metric: Metric
    before: float
    after: float
    jacobian: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Registration:
    """A map from the world of the fixed volume to that of the moving one.

    Attributes:
        fixed: grid that `warp` samples on.
        kind: what was searched for.
        transform: takes LPS+ mm of the fixed volume to LPS+ mm of the moving one.
        quality: how well the two agree.
    """

    fixed: Grid
    kind: Kind
    transform: sitk.Transform = field(repr=False)
    quality: Quality

    def warp(self, volume: Volume, how: Literal["linear", "nearest"] = "linear", fill: float = 0.0) -> Volume:
        """Return a grey volume of the moving side on the fixed grid; `fill` where it has no voxels.

        `nearest` keeps the voxel type, `linear` gives float32.
        """
        return itk.warp(volume, self.fixed, self.transform, how=how, fill=fill)


def register(
    fixed: Volume,
    moving: Volume,
    *,
    kind: Kind,
    metric: Metric = "correlation",
    fixed_mask: Mask | None = None,
    spacing_mm: float = 2.0,
    starts: Sequence[sitk.Euler3DTransform] = (),
) -> Registration:
    """Find the map that lays `moving` over `fixed`.

    Args:
        fixed: grey volume that stays.
        moving: grey volume that is brought onto it; the headers need not make them overlap.
        kind: `rigid`, `affine`, or `deformable` (affine first).
        metric: `correlation` for volumes whose intensities rise together, `mutual_information` for others.
        fixed_mask: `(I, J, K)`, the part of the fixed volume that the linear part and the quality look at.
        spacing_mm: finest working grid; the linear part stops at twice that.
        starts: where the search begins besides the headers' positions and the centres of mass.

    Raises:
        InputError: E122 for colour, E112 for a sheared affine, E124 for a volume or mask without content,
            E004 when no content overlaps.
    """
    fine = WorkingPair.of(fixed, moving, fixed_mask, metric).at(spacing_mm)
    middle = fine.at(2 * spacing_mm)
    first = middle.at(4 * spacing_mm)
    linear = register_linearly(first, middle, [*find_starts(first), *starts], stretch=kind != "rigid")
    determinant = _determinant(linear)
    if kind != "deformable":
        quality = Quality(metric, *similarity_before_and_after(middle, linear), (determinant, determinant))
        return Registration(fixed.grid, kind, linear, quality)
    displacement, stretch = _deform(middle, fine, linear)
    transform = sitk.CompositeTransform([linear, sitk.DisplacementFieldTransform(displacement)])
    jacobian = (determinant * stretch[0], determinant * stretch[1])
    return Registration(
        fixed.grid,
        kind,
        transform,
        Quality(metric, *similarity_before_and_after(middle, transform), jacobian),
    )


def refine(
    fixed: Volume,
    moving: Volume,
    start: sitk.AffineTransform,
    *,
    metric: Metric = "correlation",
    fixed_mask: Mask | None = None,
    spacing_mm: float = 2.0,
) -> Registration:
    """Stretch `moving` over `fixed` from one place, which has to be near.

    Args:
        fixed: grey volume that stays.
        moving: grey volume that is brought onto it.
        start: from fixed to moving in LPS+ mm.
        metric: as in `register`.
        fixed_mask: as in `register`.
        spacing_mm: the working grid.

    Raises:
        InputError: as `register`.
    """
    pair = WorkingPair.of(fixed, moving, fixed_mask, metric).at(spacing_mm)
    centred = sitk.AffineTransform(start)
    centred.SetCenter((itk.LPS @ centre_of_mass(pair.fixed)).tolist())
    centred.SetTranslation(
        (np.array(start.TransformPoint(centred.GetCenter())) - centred.GetCenter()).tolist()
    )
    linear, _ = climb(pair, centred)
    determinant = _determinant(linear)
    quality = Quality(metric, *similarity_before_and_after(pair, linear), (determinant, determinant))
    return Registration(fixed.grid, "affine", linear, quality)


def _determinant(linear: sitk.Transform) -> float:
    ends = np.array([linear.TransformPoint(point) for point in np.vstack([np.zeros(3), np.eye(3)]).tolist()])
    return float(np.linalg.det(ends[1:] - ends[0]))


def _deform(
    first: WorkingPair, second: WorkingPair, linear: Linear
) -> tuple[sitk.Image, tuple[float, float]]:
    """Return a displacement field in mm, to be followed by `linear`, and its range of determinants."""
    pairs = [_match_intensities(pair, linear) for pair in (first, second)]
    for smoothing in _SMOOTHINGS:
        displacement = None
        for (fixed, moved), iterations in zip(pairs, _ITERATIONS, strict=True):
            displacement = demons(
                fixed, moved, smoothing=smoothing, iterations=iterations, initial=displacement
            )
        determinants = itk.to_voxels(sitk.DisplacementFieldJacobianDeterminant(displacement))
        if determinants.min() > 0:
            break
    return sitk.Cast(displacement, sitk.sitkVectorFloat64), (
        float(determinants.min()),
        float(determinants.max()),
    )


def _match_intensities(pair: WorkingPair, linear: Linear) -> tuple[Volume, Volume]:
    """Return the fixed volume and the moving one on its grid, both in intensities of about `[0, 1]`."""
    fixed = pair.fixed.voxels
    moved = itk.warp(pair.moving, pair.fixed.grid, linear, fill=float(pair.moving.voxels.min())).voxels
    low, high = np.percentile(fixed, (0.1, 99.9))
    scaled = ((fixed - low) / max(float(high - low), 1e-12)).astype(np.float32)
    if pair.metric == "correlation":
        inside = pair.inside()
        slope, offset = np.polyfit(moved[inside].astype(float), scaled[inside].astype(float), 1)
        matched = slope * moved + offset
    else:
        matched = _mean_per_intensity(scaled, moved)
    return pair.fixed.with_voxels(scaled), pair.fixed.with_voxels(matched.astype(np.float32))


def _mean_per_intensity(fixed: Floats, moved: Floats) -> Floats:
    """Return for each voxel the mean of `fixed` where `moved` is about as bright as here."""
    edges = np.unique(np.quantile(moved, np.linspace(0, 1, BINS + 1)))
    number = np.clip(np.searchsorted(edges, moved, side="right") - 1, 0, len(edges) - 2).ravel()
    counts = np.bincount(number, minlength=len(edges) - 1)
    sums = np.bincount(number, weights=fixed.ravel(), minlength=len(edges) - 1)
    means: Floats = np.interp(moved, (edges[1:] + edges[:-1]) / 2, sums / np.maximum(counts, 1))
    return means
