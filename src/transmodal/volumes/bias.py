"""Bias fields: N4 on a coarse grid, applied on the fine one."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (the field's name for it)

from transmodal.errors import InputError
from transmodal.volumes.geometry import itk
from transmodal.volumes.volume import Volume

_COARSE_MM = 4.0
_ITERATIONS = (50, 50, 30)


def without_bias(volume: Volume) -> Volume:
    """Divide an MR volume by the smooth field that N4 finds in it (Tustison et al. 2010).

    The field is sought where Otsu's threshold finds content, on a grid of about 4 mm, by one thread: the
    same voxels give the same bits.

    Args:
        volume: grey, `(I, J, K)`, values of 0 and more.

    Returns:
        float32 on the same grid.

    Raises:
        InputError: E122 for colour, E112 for a sheared affine, E123 for negative values, E124 for a volume
            without contrast.
    """
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if low < 0:
        raise InputError("E123", f"values down to {low:g}", "0 and more, as MR has", "Leave the bias field.")
    if low == high:
        raise InputError("E124", f"a volume that is {low:g} everywhere", "contrast", "Check the file.")
    image = itk.to_image(volume.with_voxels(volume.voxels.astype(np.float32)))
    shrink = [max(1, round(_COARSE_MM / spacing)) for spacing in image.GetSpacing()]
    shrink = [min(factor, max(1, size // 8)) for factor, size in zip(shrink, image.GetSize(), strict=True)]
    coarse = sitk.Shrink(image, shrink)
    method = itk.on_one_thread(sitk.N4BiasFieldCorrectionImageFilter())
    method.SetMaximumNumberOfIterations(_ITERATIONS)
    method.Execute(coarse, sitk.OtsuThreshold(coarse, 0, 1))
    field = np.exp(itk.to_voxels(method.GetLogBiasFieldAsImage(image)))
    return volume.with_voxels((volume.voxels / field).astype(np.float32))
