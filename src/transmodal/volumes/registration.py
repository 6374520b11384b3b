"""Registration of one volume to another: rigid, affine or deformable; the same bits on every run.

Both volumes are brought to coarse working grids, every voxel of which enters the metric (no random
sampling), and every filter runs on one thread. The deformable part is the diffeomorphic demons method on
intensities that are first matched; its smoothing is raised until the map folds nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.volumes import geometry, itk
from transmodal.volumes.volume import Grid, Volume

Kind = Literal["rigid", "affine", "deformable"]
Metric = Literal["correlation", "mutual_information"]
Mask = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]

_SMOOTHINGS = (1.5, 2.0, 3.0, 4.5)  # of the displacement field, in working voxels
_ITERATIONS = (60, 30)  # of the demons on the coarse and the fine level
_BINS = 32


class Quality(NamedTuple):
    """How similar the two volumes are before and after, and how much the map stretches.

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
) -> Registration:
    """Find the map that lays `moving` over `fixed`.

    Args:
        fixed: grey volume that stays.
        moving: grey volume that is brought onto it; the headers need not make them overlap.
        kind: `rigid`, `affine`, or `deformable` (affine first).
        metric: `correlation` for volumes whose intensities rise together, `mutual_information` for others.
        fixed_mask: `(I, J, K)`, the part of the fixed volume that the linear part and the quality look at.
        spacing_mm: finest working grid; the linear part stops at twice that.

    Raises:
        InputError: E122 for colour, E112 for a sheared affine, E124 for a volume or mask without content,
            E004 when no content overlaps.
    """
    pair = _Pair.of(fixed, moving, fixed_mask, metric)
    coarse, middle, fine = (pair.at(factor * spacing_mm) for factor in (4, 2, 1))
    linear = _linear(coarse, middle, "rigid" if kind == "rigid" else "affine")
    determinant = float(np.linalg.det(np.reshape(linear.GetMatrix(), (3, 3))))
    if kind != "deformable":
        quality = Quality(metric, *_before_and_after(middle, linear), (determinant, determinant))
        return Registration(fixed.grid, kind, linear, quality)
    displacement, stretch = _deform(middle, fine, linear)
    found = sitk.CompositeTransform([linear, sitk.DisplacementFieldTransform(displacement)])
    jacobian = (determinant * stretch[0], determinant * stretch[1])
    return Registration(fixed.grid, kind, found, Quality(metric, *_before_and_after(middle, found), jacobian))


@dataclass(frozen=True, slots=True)
class _Pair:
    """The two sides, and what counts of the fixed one (1 where it does)."""

    fixed: Volume
    moving: Volume
    mask: Volume
    metric: Metric

    @classmethod
    def of(cls, fixed: Volume, moving: Volume, mask: Mask | None, metric: Metric) -> _Pair:
        for volume in (fixed, moving):
            _check(volume)
        counted = np.ones(fixed.voxels.shape, np.float32) if mask is None else mask.astype(np.float32)
        if not counted.any():
            raise InputError("E124", "an empty mask", "voxels to register by", "Leave the mask out.")
        return cls(fixed, moving, fixed.with_voxels(counted), metric)

    def at(self, spacing_mm: float) -> _Pair:
        """Return the pair on working grids of `spacing_mm` or the own spacing, if that is coarser."""
        parts = (coarse(volume, spacing_mm) for volume in (self.fixed, self.moving, self.mask))
        return _Pair(*parts, self.metric)

    def inside(self) -> Mask:
        return np.asarray(self.mask.voxels >= min(0.5, float(self.mask.voxels.max())))


def coarse(volume: Volume, spacing_mm: float) -> Volume:
    """Return a grey volume, float32, on an RAS grid of `spacing_mm` or its own spacing, if that is coarser."""
    ras = geometry.reorient(volume.with_voxels(volume.voxels.astype(np.float32)))
    i, j, k = (max(spacing_mm, own) for own in ras.spacing)
    return geometry.resample(ras, geometry.working_grid(ras.grid, (i, j, k)))


def _check(volume: Volume) -> None:
    itk.to_image(volume)  # says what is wrong with colour and shear
    if volume.voxels.min() == volume.voxels.max():
        constant = f"a volume that is {volume.voxels.flat[0]} everywhere"
        raise InputError("E124", constant, "contrast to register by", "Check the file.")


def _linear(first: _Pair, second: _Pair, kind: Literal["rigid", "affine"]) -> sitk.Transform:
    """Search from every start on the first level, from the best place found on the second."""
    found = [_climb(first, start) for start in _starts(first, kind)]
    best = max(range(len(found)), key=lambda n: (found[n][1], -n))
    return _climb(second, found[best][0])[0]


def _starts(pair: _Pair, kind: Literal["rigid", "affine"]) -> list[sitk.Transform]:
    """Return where the search begins: the headers' positions, and one centre of mass on the other."""
    centre = centre_of_mass(pair.fixed)
    starts = []
    for offset in (np.zeros(3), centre_of_mass(pair.moving) - centre):
        start = sitk.Euler3DTransform() if kind == "rigid" else sitk.AffineTransform(3)
        start.SetCenter((itk.LPS @ centre).tolist())
        start.SetTranslation((itk.LPS @ offset).tolist())
        starts.append(start)
    return starts


def centre_of_mass(volume: Volume) -> NDArray[np.float64]:
    """Return the centre in RAS+ mm of what stands out of the background, robust to outliers."""
    low, high = np.percentile(volume.voxels, (1, 99))
    weight = np.clip(volume.voxels, low, high) - low
    total = max(float(weight.sum()), 1e-12)
    sums = (weight.sum(axis=tuple({0, 1, 2} - {axis})) for axis in range(3))
    return volume.grid.world(np.array([(s * np.arange(len(s))).sum() / total for s in sums]))


def _climb(pair: _Pair, start: sitk.Transform) -> tuple[sitk.Transform, float]:
    """Follow the metric uphill from `start`; return the place and the metric's value there."""
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(itk.THREADS)
    if pair.metric == "correlation":
        method.SetMetricAsCorrelation()
    else:
        method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricFixedMask(itk.to_image(pair.fixed.with_voxels(pair.inside())))
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=0.005, numberOfIterations=100, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    transform = type(start)(start)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(itk.to_image(pair.fixed), itk.to_image(pair.moving))
    except RuntimeError as error:
        raise InputError(
            "E004",
            "two volumes that no registration makes overlap",
            "the same part of the body in both",
            "Check that both are of one patient and that their headers are right.",
        ) from error
    return transform, -float(method.GetMetricValue())


def _deform(first: _Pair, second: _Pair, linear: sitk.Transform) -> tuple[sitk.Image, tuple[float, float]]:
    """Return a displacement field in mm, to be followed by `linear`, and its range of determinants."""
    for smoothing in _SMOOTHINGS:
        rough = _demons(first, linear, None, smoothing, _ITERATIONS[0])
        found = _demons(second, linear, rough, smoothing, _ITERATIONS[1])
        determinants = itk.to_voxels(sitk.DisplacementFieldJacobianDeterminant(found))
        if determinants.min() > 0:
            break
    return sitk.Cast(found, sitk.sitkVectorFloat64), (float(determinants.min()), float(determinants.max()))


def _demons(
    pair: _Pair, linear: sitk.Transform, initial: sitk.Image | None, smoothing: float, iterations: int
) -> sitk.Image:
    """Return the displacement field of one level on its fixed grid."""
    moved = itk.warp(pair.moving, pair.fixed.grid, linear, fill=float(pair.moving.voxels.min()))
    fixed, matched = _matched(pair.fixed.voxels, moved.voxels, pair.inside(), pair.metric)
    demons = sitk.DiffeomorphicDemonsRegistrationFilter()
    demons.SetNumberOfThreads(itk.THREADS)
    demons.SetNumberOfIterations(iterations)
    demons.SetStandardDeviations(smoothing)
    demons.SmoothUpdateFieldOn()
    demons.SetUpdateFieldStandardDeviations(smoothing)
    images = [itk.to_image(pair.fixed.with_voxels(values)) for values in (fixed, matched)]
    return demons.Execute(*images, *_onto(initial, images[0]))


def _onto(displacement: sitk.Image | None, image: sitk.Image) -> Sequence[sitk.Image]:
    """Return the displacement field on the image's grid, replicated beyond its edges; none for None."""
    if displacement is None:
        return ()
    sampler = sitk.ResampleImageFilter()
    sampler.SetNumberOfThreads(itk.THREADS)
    sampler.SetReferenceImage(image)
    sampler.SetInterpolator(sitk.sitkLinear)
    sampler.UseNearestNeighborExtrapolatorOn()
    return (sampler.Execute(displacement),)


def _matched(fixed: Floats, moved: Floats, inside: Mask, metric: Metric) -> tuple[Floats, Floats]:
    """Bring both to about `[0, 1]` and the moved one to the fixed one's intensities.

    By a straight line where the intensities rise together; else by the mean of the fixed per intensity.
    """
    low, high = np.percentile(fixed, (0.1, 99.9))
    scaled = ((fixed - low) / max(float(high - low), 1e-12)).astype(np.float32)
    if metric == "correlation":
        slope, offset = np.polyfit(moved[inside].astype(float), scaled[inside].astype(float), 1)
        return scaled, (slope * moved + offset).astype(np.float32)
    edges = np.unique(np.quantile(moved, np.linspace(0, 1, _BINS + 1)))
    number = np.clip(np.searchsorted(edges, moved, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(number.ravel(), minlength=len(edges) - 1)
    sums = np.bincount(number.ravel(), weights=scaled.ravel(), minlength=len(edges) - 1)
    means = sums / np.maximum(counts, 1)
    centres = (edges[1:] + edges[:-1]) / 2
    return scaled, np.interp(moved, centres, means).astype(np.float32)


def _before_and_after(pair: _Pair, found: sitk.Transform) -> tuple[float, float]:
    inside, fill = pair.inside(), float(pair.moving.voxels.min())
    fixed = pair.fixed.voxels[inside]
    before, after = (
        similarity(fixed, itk.warp(pair.moving, pair.fixed.grid, t, fill=fill).voxels[inside], pair.metric)
        for t in (sitk.Transform(), found)
    )
    return before, after


def similarity(a: Floats, b: Floats, metric: Metric) -> float:
    """Return Pearson's r, or the mutual information in nats over 32 x 32 bins; 0 for a constant."""
    if a.min() == a.max() or b.min() == b.max():
        return 0.0
    if metric == "correlation":
        return float(np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1])
    joint = np.histogram2d(a.ravel(), b.ravel(), bins=_BINS)[0] / a.size
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / apart[seen])).sum())
