"""SynthRAD's figures of synthetic CT as the challenges compute them, and the standard ones beside them.

Written anew from a description of the organisers' programs (SynthRAD2023/metrics at 3200007,
SynthRAD2025/evaluation at 17cac47); their defects are kept under the challenge's name, since a leaderboard's
figure has them (`suite.synthrad` names them).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transmodal.errors import UsageError
from transmodal.metrics.checks import Array, Mask
from transmodal.metrics.suite import ms_ssim, ssim
from transmodal.metrics.suite.synthrad import (
    HIGH_2023,
    HIGH_2025,
    LOW,
    check_volumes,
    clipped_psnr,
    ms_ssim_2025,
    ssim_2023,
)
from transmodal.metrics.suite.voxels import mae, psnr


class SynthRAD2023(NamedTuple):
    """The challenge's figures of one patient.

    Attributes:
        mae: HU, lower is better.
        psnr: dB, higher is better.
        ssim: unit 1, at most 1, higher is better.
    """

    mae: float
    psnr: float
    ssim: float


class SynthRAD2025(NamedTuple):
    """The challenge's figures of one patient.

    Attributes:
        mae: HU, lower is better.
        psnr: dB, higher is better.
        ms_ssim: unit 1, 0 to 1, higher is better.
    """

    mae: float
    psnr: float
    ms_ssim: float


class Standard(NamedTuple):
    """The published definitions, over the same mask and range.

    Attributes:
        mae: HU, values not clipped.
        psnr: dB, values not clipped.
        ssim: Gaussian window, 3D (`suite.ssim`), of HU + 1024.
        ms_ssim: Wang et al. 2003, 3D, levels by size (`suite.ms_ssim`), of HU + 1024.
    """

    mae: float
    psnr: float
    ssim: float
    ms_ssim: float


def synthrad2023(reference: Array, synthetic: Array, mask: Mask) -> SynthRAD2023:
    """Return MAE, PSNR and SSIM as SynthRAD2023 does, in 3D, over the mask, range -1024 to 3000 HU.

    MAE is not clipped; PSNR and SSIM are. SSIM is averaged over the mask less a border of 3 voxels of the
    volume.

    Args:
        reference: CT in HU, `(I, J, K)`, at least 7 voxels along every axis.
        synthetic: the translator's image, of the same shape.
        mask: bool `(I, J, K)`.

    Raises:
        InputError: E121 for what is not a volume, E130 for shapes that differ, E120 for values that are not
            finite, E124 for a mask without voxels, or without one 3 voxels from the volume's border.
        UsageError: E004 for a volume below 7 voxels along an axis, such as a single slice.
    """
    return SynthRAD2023(
        mae(reference, synthetic, mask=mask),
        clipped_psnr(reference, synthetic, mask, HIGH_2023),
        ssim_2023(reference, synthetic, mask),
    )


def synthrad2025(
    reference: Array, synthetic: Array, mask: Mask, *, high_hu: float = HIGH_2025
) -> SynthRAD2025:
    """Return MAE, PSNR and MS-SSIM as SynthRAD2025 does, in 3D, over the mask.

    Args:
        reference: CT in HU, `(I, J, K)`.
        synthetic: the translator's image, of the same shape.
        mask: bool `(I, J, K)`.
        high_hu: top of the range that begins at -1024: 3071 in the evaluation container, 3000 in the
            published metrics.

    Raises:
        InputError: as `synthrad2023`; E124 as well for a mask that is lost at a coarser scale.
        UsageError: E001 for a top of the range that is not above -1024.
    """
    if not high_hu > LOW:
        raise UsageError(
            "E001", f"{high_hu} HU as the top of the range", "more than -1024 HU", "Give 3071 or 3000."
        )
    return SynthRAD2025(
        mae(reference, synthetic, mask=mask),
        clipped_psnr(reference, synthetic, mask, high_hu),
        ms_ssim_2025(reference, synthetic, mask, high_hu),
    )


def standard(reference: Array, synthetic: Array, mask: Mask, *, high_hu: float = HIGH_2023) -> Standard:
    """Return the same figures by their published definitions, to stand beside a challenge's.

    Args:
        reference: CT in HU, `(I, J, K)`.
        synthetic: the translator's image, of the same shape.
        mask: bool `(I, J, K)`.
        high_hu: top of the range that begins at -1024.

    Raises:
        InputError: as `synthrad2023`, without the border.
    """
    check_volumes(reference, synthetic, mask)
    width = high_hu - LOW
    # SSIM's luminance is of intensities from 0 up; in bare HU water against -1 HU would count as opposites.
    reference_above, synthetic_above = (
        np.asarray(image, np.float64) - LOW for image in (reference, synthetic)
    )
    return Standard(
        mae(reference, synthetic, mask=mask),
        psnr(reference, synthetic, data_range=width, mask=mask),
        ssim.ssim(reference_above, synthetic_above, data_range=width, mask=mask),
        ms_ssim.ms_ssim(reference_above, synthetic_above, data_range=width, mask=mask),
    )
