"""Diffeomorphic demons: the displacement field that lays one volume over another."""

from __future__ import annotations

from collections.abc import Sequence

import SimpleITK as sitk  # noqa: N813  (the field's name for it)

from transmodal.volumes.geometry import itk
from transmodal.volumes.volume import Volume


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
    method = itk.on_one_thread(sitk.DiffeomorphicDemonsRegistrationFilter())
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
    sampler = itk.on_one_thread(sitk.ResampleImageFilter())
    sampler.SetReferenceImage(image)
    sampler.SetInterpolator(sitk.sitkLinear)
    sampler.UseNearestNeighborExtrapolatorOn()
    return (sampler.Execute(displacement),)
