"""Rigid and affine registration: the search from several places, uphill along the metric."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)

from transmodal.errors import InputError
from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.similarity import BINS
from transmodal.volumes.geometry.working_pair import WorkingPair, centre_of_mass
from transmodal.volumes.volume import Volume

Linear = sitk.Euler3DTransform | sitk.AffineTransform
_FIRST_STEP_MM, _LAST_STEP_MM = 4.0, 0.02
_LEAST_SHARE = 0.01
"""Of what counts of the fixed volume, within the moving one: less is no overlap."""


def register_linearly(
    first: WorkingPair, second: WorkingPair, starts: Sequence[sitk.Euler3DTransform], *, stretch: bool
) -> Linear:
    """Search from every start on the first level, from the best place found on the second.

    Only rigidly on the first: on so coarse a grid an affine map may find a better fit at a wrong size.

    Raises:
        InputError: E004 where no start leads to a place at which the two overlap.
    """
    climbs: list[tuple[Linear, float]] = []
    for start in starts:
        with suppress(InputError):  # headers need not make them overlap
            climbs.append(climb(first, start))
    if not climbs:
        raise _apart_error()
    best = climbs[max(range(len(climbs)), key=lambda n: (climbs[n][1], -n))][0]
    return climb(second, _to_affine(best) if stretch else best)[0]


def climb(pair: WorkingPair, start: Linear) -> tuple[Linear, float]:
    """Follow the metric uphill from `start`; return the place and the metric's value there.

    Lengths are measured in the content's radius, so that a step of one size moves the content about as far
    whether it turns, stretches or shifts it.

    Raises:
        InputError: E004 where the two do not overlap, on the way or at the end: correlation has a value there too.
    """
    radius = _radius(pair)
    method = itk.on_one_thread(sitk.ImageRegistrationMethod())
    if pair.metric == "correlation":
        method.SetMetricAsCorrelation()
    else:
        method.SetMetricAsMattesMutualInformation(BINS)
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
        raise _apart_error() from error
    end = _scale_lengths(place, radius)
    if _share_inside(pair, end) < _LEAST_SHARE:
        raise _apart_error()
    return end, -float(method.GetMetricValue())


def _apart_error() -> InputError:
    return InputError(
        "E004",
        "two volumes that no registration makes overlap",
        "the same part of the body in both",
        "Check that both are of one patient and that their headers are right.",
    )


def _share_inside(pair: WorkingPair, linear: Linear) -> float:
    """Return the share of what counts of the fixed volume that comes to lie within the moving one."""
    points = pair.fixed.grid.world(np.argwhere(pair.inside()).astype(float))
    matrix, to_moving = itk.matrix(linear), np.linalg.inv(pair.moving.affine)
    moved = (points @ itk.LPS @ matrix[:3, :3].T + matrix[:3, 3]) @ itk.LPS
    indices = moved @ to_moving[:3, :3].T + to_moving[:3, 3]
    within = (indices > -0.5) & (indices < np.array(pair.moving.grid.shape) - 0.5)
    return float(within.all(axis=1).mean())


def _to_affine(rigid: sitk.Transform) -> sitk.AffineTransform:
    """Return the same map, about the same centre, as one that may be stretched."""
    centre = np.array(rigid.GetFixedParameters()[:3])
    shift = np.array(rigid.TransformPoint(centre.tolist())) - centre
    turn = itk.matrix(rigid)[:3, :3].ravel().tolist()
    return sitk.AffineTransform(turn, shift.tolist(), centre.tolist())


def find_starts(pair: WorkingPair) -> list[sitk.Euler3DTransform]:
    """Return the headers' positions, and one centre of mass on the other."""
    centre = centre_of_mass(pair.fixed)
    shifts = np.zeros(3), itk.LPS @ (centre_of_mass(pair.moving) - centre)
    return [sitk.Euler3DTransform((itk.LPS @ centre).tolist(), 0.0, 0.0, 0.0, s.tolist()) for s in shifts]


def _radius(pair: WorkingPair) -> float:
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
