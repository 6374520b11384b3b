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

from transmodal.errors import InputError
from transmodal.volumes.geometry import itk, reorient
from transmodal.volumes.volume import Grid, Volume

Kind = Literal["rigid", "affine", "deformable"]
Metric = Literal["correlation", "mutual_information"]
Mask = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]
Linear = sitk.Euler3DTransform | sitk.AffineTransform

_SMOOTHINGS = (1.5, 2.0, 3.0, 4.5)  # of the displacement field, in working voxels
_ITERATIONS = (60, 30)  # of the demons on the coarse and the fine level
_BINS = 32
_FIRST_STEP_MM, _LAST_STEP_MM = 4.0, 0.02


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
    fine = _Pair.of(fixed, moving, fixed_mask, metric).at(spacing_mm)
    middle = fine.at(2 * spacing_mm)
    first = middle.at(4 * spacing_mm)
    linear = _register_linearly(first, middle, [*_find_starts(first), *starts], stretch=kind != "rigid")
    determinant = _determinant(linear)
    if kind != "deformable":
        quality = Quality(metric, *_similarity_before_and_after(middle, linear), (determinant, determinant))
        return Registration(fixed.grid, kind, linear, quality)
    displacement, stretch = _deform(middle, fine, linear)
    transform = sitk.CompositeTransform([linear, sitk.DisplacementFieldTransform(displacement)])
    jacobian = (determinant * stretch[0], determinant * stretch[1])
    return Registration(
        fixed.grid,
        kind,
        transform,
        Quality(metric, *_similarity_before_and_after(middle, transform), jacobian),
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
    pair = _Pair.of(fixed, moving, fixed_mask, metric).at(spacing_mm)
    centred = sitk.AffineTransform(start)
    centred.SetCenter((itk.LPS @ centre_of_mass(pair.fixed)).tolist())
    centred.SetTranslation(
        (np.array(start.TransformPoint(centred.GetCenter())) - centred.GetCenter()).tolist()
    )
    linear, _ = _climb(pair, centred)
    determinant = _determinant(linear)
    quality = Quality(metric, *_similarity_before_and_after(pair, linear), (determinant, determinant))
    return Registration(fixed.grid, "affine", linear, quality)


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
        fixed, moving, mask = (coarsen(v, spacing_mm) for v in (self.fixed, self.moving, self.mask))
        return _Pair(fixed, moving, mask, self.metric)

    def inside(self) -> Mask:
        return np.asarray(self.mask.voxels >= min(0.5, float(self.mask.voxels.max())))


def coarsen(volume: Volume, spacing_mm: float) -> Volume:
    """Return a grey volume, float32, on an RAS grid of `spacing_mm` or its own spacing, if that is coarser."""
    own = reorient.working_grid(volume.grid, None).spacing
    i, j, k = (max(spacing_mm, spacing) for spacing in own)
    real = volume.with_voxels(volume.voxels.astype(np.float32))
    return reorient.resample(real, reorient.working_grid(volume.grid, (i, j, k)))


def _check(volume: Volume) -> None:
    itk.to_image(volume)  # says what is wrong with colour and shear
    if volume.voxels.min() == volume.voxels.max():
        constant = f"a volume that is {volume.voxels.flat[0]} everywhere"
        raise InputError("E124", constant, "contrast to register by", "Check the file.")


def _register_linearly(
    first: _Pair, second: _Pair, starts: Sequence[sitk.Euler3DTransform], *, stretch: bool
) -> Linear:
    """Search from every start on the first level, from the best place found on the second.

    Only rigidly on the first: on so coarse a grid an affine map may find a better fit at a wrong size.
    """
    climbs = [_climb(first, start) for start in starts]
    best = climbs[max(range(len(climbs)), key=lambda n: (climbs[n][1], -n))][0]
    return _climb(second, _to_affine(best) if stretch else best)[0]


def _to_affine(rigid: sitk.Transform) -> sitk.AffineTransform:
    """Return the same map, about the same centre, as one that may be stretched."""
    centre = np.array(rigid.GetFixedParameters()[:3])
    shift = np.array(rigid.TransformPoint(centre.tolist())) - centre
    turn = itk.matrix(rigid)[:3, :3].ravel().tolist()
    return sitk.AffineTransform(turn, shift.tolist(), centre.tolist())


def _find_starts(pair: _Pair) -> list[sitk.Euler3DTransform]:
    """Return the headers' positions, and one centre of mass on the other."""
    centre = centre_of_mass(pair.fixed)
    shifts = np.zeros(3), itk.LPS @ (centre_of_mass(pair.moving) - centre)
    return [sitk.Euler3DTransform((itk.LPS @ centre).tolist(), 0.0, 0.0, 0.0, s.tolist()) for s in shifts]


def centre_of_mass(volume: Volume) -> NDArray[np.float64]:
    """Return the centre in RAS+ mm of what stands out of the background, robust to outliers."""
    low, high = np.percentile(volume.voxels, (1, 99))
    weight = np.clip(volume.voxels, low, high) - low
    total = max(float(weight.sum()), 1e-12)
    sums = (weight.sum(axis=tuple({0, 1, 2} - {axis})) for axis in range(3))
    return volume.grid.world(np.array([(s * np.arange(len(s))).sum() / total for s in sums]))


def _determinant(linear: sitk.Transform) -> float:
    ends = np.array([linear.TransformPoint(point) for point in np.vstack([np.zeros(3), np.eye(3)]).tolist()])
    return float(np.linalg.det(ends[1:] - ends[0]))


def _climb(pair: _Pair, start: Linear) -> tuple[Linear, float]:
    """Follow the metric uphill from `start`; return the place and the metric's value there.

    Lengths are measured in the content's radius, so that a step of one size moves the content about as far
    whether it turns, stretches or shifts it.
    """
    radius = _radius(pair)
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(itk.THREADS)
    if pair.metric == "correlation":
        method.SetMetricAsCorrelation()
    else:
        method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricFixedMask(_to_image_in_units(pair.fixed.with_voxels(pair.inside()), radius))
    method.SetMetricSamplingStrategy(method.NONE)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=_FIRST_STEP_MM / radius,
        minStep=_LAST_STEP_MM / radius,
        numberOfIterations=150,
        relaxationFactor=0.6,
    )
    place = _scale_lengths(start, 1 / radius)
    method.SetInitialTransform(place, inPlace=True)
    try:
        method.Execute(_to_image_in_units(pair.fixed, radius), _to_image_in_units(pair.moving, radius))
    except RuntimeError as error:
        raise InputError(
            "E004",
            "two volumes that no registration makes overlap",
            "the same part of the body in both",
            "Check that both are of one patient and that their headers are right.",
        ) from error
    return _scale_lengths(place, radius), -float(method.GetMetricValue())


def _radius(pair: _Pair) -> float:
    """Return the root mean square distance in mm of what counts from its middle."""
    points = pair.fixed.grid.world(np.argwhere(pair.inside()).astype(float))
    return max(float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean())), 1.0)


def _to_image_in_units(volume: Volume, unit_mm: float) -> sitk.Image:
    image = itk.to_image(volume)
    image.SetSpacing([length / unit_mm for length in image.GetSpacing()])
    image.SetOrigin([length / unit_mm for length in image.GetOrigin()])
    return image


def _scale_lengths(linear: Linear, factor: float) -> Linear:
    """Return a copy whose lengths are `factor` times as many."""
    copy = type(linear)(linear)
    copy.SetCenter([length * factor for length in linear.GetCenter()])  # type: ignore[no-untyped-call]  # ITK
    copy.SetTranslation([length * factor for length in linear.GetTranslation()])  # type: ignore[no-untyped-call]  # ITK
    return copy


def _deform(first: _Pair, second: _Pair, linear: Linear) -> tuple[sitk.Image, tuple[float, float]]:
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


def demons(
    fixed: Volume, moving: Volume, *, smoothing: float, iterations: int, initial: sitk.Image | None = None
) -> sitk.Image:
    """Return the displacement field in LPS+ mm that lays `moving` over `fixed`: diffeomorphic demons.

    Args:
        fixed: intensities of about `[0, 1]`.
        moving: on the same grid, intensities that match the fixed ones.
        smoothing: standard deviation in voxels of the Gaussian on the field and on its updates.
        iterations: how many.
        initial: field to begin with, on any grid.
    """
    method = sitk.DiffeomorphicDemonsRegistrationFilter()
    method.SetNumberOfThreads(itk.THREADS)
    method.SetNumberOfIterations(iterations)
    method.SetStandardDeviations(smoothing)
    method.SmoothUpdateFieldOn()
    method.SetUpdateFieldStandardDeviations(smoothing)
    images = [itk.to_image(volume) for volume in (fixed, moving)]
    displacement: sitk.Image = method.Execute(*images, *_resample_field(initial, images[0]))
    return displacement


def _resample_field(displacement: sitk.Image | None, image: sitk.Image) -> Sequence[sitk.Image]:
    """Return the displacement field on the image's grid, replicated beyond its edges; none for None."""
    if displacement is None:
        return ()
    sampler = sitk.ResampleImageFilter()
    sampler.SetNumberOfThreads(itk.THREADS)
    sampler.SetReferenceImage(image)
    sampler.SetInterpolator(sitk.sitkLinear)
    sampler.UseNearestNeighborExtrapolatorOn()
    return (sampler.Execute(displacement),)


def _match_intensities(pair: _Pair, linear: Linear) -> tuple[Volume, Volume]:
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
    edges = np.unique(np.quantile(moved, np.linspace(0, 1, _BINS + 1)))
    number = np.clip(np.searchsorted(edges, moved, side="right") - 1, 0, len(edges) - 2).ravel()
    counts = np.bincount(number, minlength=len(edges) - 1)
    sums = np.bincount(number, weights=fixed.ravel(), minlength=len(edges) - 1)
    means: Floats = np.interp(moved, (edges[1:] + edges[:-1]) / 2, sums / np.maximum(counts, 1))
    return means


def _similarity_before_and_after(pair: _Pair, transform: sitk.Transform) -> tuple[float, float]:
    inside, fill = pair.inside(), float(pair.moving.voxels.min())
    fixed = pair.fixed.voxels[inside]
    before, after = (
        similarity(fixed, itk.warp(pair.moving, pair.fixed.grid, t, fill=fill).voxels[inside], pair.metric)
        for t in (sitk.Transform(), transform)
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
    occupied = joint > 0
    return float((joint[occupied] * np.log(joint[occupied] / apart[occupied])).sum())
