"""SynthRAD's figures of synthetic CT as the challenges compute them, and the standard ones beside them.

Written anew from a description of the organisers' programs (SynthRAD2023/metrics at 3200007,
SynthRAD2025/evaluation at 17cac47); their defects are kept under the challenge's name, since a leaderboard's
figure has them:

- 2023: SSIM has a uniform window of 7 voxels and sample covariance; everything outside the mask is -1024 HU
  in both images, so a border of the mask that agrees by construction raises it.
- 2025: luminance counts at every scale (Wang et al.: at the coarsest only); the weights are exponents of each
  voxel and not of a scale's mean; halving takes the voxel and the one before it, which is 0 (the lowest
  value) before the first. Small volumes are padded to 97 voxels with their edge. The range is 4095 HU in the
  evaluation container, 4024 in the published metrics and 4000 on the web page: PSNR moves by 0.15 dB between
  the first two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter

from transmodal.errors import InputError, UsageError
from transmodal.metrics.checks import Array, Float, Mask, check_pair, check_side
from transmodal.metrics.suite import ms_ssim, ssim
from transmodal.metrics.suite.voxels import mae, psnr

LOW = -1024.0
HIGH_2023 = 3000.0
HIGH_2025 = 3071.0  # evaluation container; the published metrics have 3000

_WINDOW = 7
_BORDER = _WINDOW // 2
_K1, _K2 = 0.01, 0.03
_SMALLEST_2025 = 97  # five scales of a window of 7 need it


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
    _check(reference, synthetic, mask)
    check_side(reference.shape, _WINDOW)
    clipped_reference, clipped_synthetic = _clip(reference, HIGH_2023), _clip(synthetic, HIGH_2023)
    width = HIGH_2023 - LOW
    emptied = [np.where(mask, image, LOW) - LOW for image in (clipped_reference, clipped_synthetic)]
    maps = _terms(emptied[0], emptied[1], width)
    return SynthRAD2023(
        mae(reference, synthetic, mask=mask),
        psnr(clipped_reference, clipped_synthetic, data_range=width, mask=mask),
        _inner_mean(maps.luminance * maps.contrast_structure, mask, "the volume"),
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
    _check(reference, synthetic, mask)
    if not high_hu > LOW:
        raise UsageError(
            "E001", f"{high_hu} HU as the top of the range", "more than -1024 HU", "Give 3071 or 3000."
        )
    clipped_reference, clipped_synthetic = _clip(reference, high_hu), _clip(synthetic, high_hu)
    return SynthRAD2025(
        mae(reference, synthetic, mask=mask),
        psnr(clipped_reference, clipped_synthetic, data_range=high_hu - LOW, mask=mask),
        _ms_ssim_2025(clipped_reference, clipped_synthetic, mask, high_hu - LOW),
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
    _check(reference, synthetic, mask)
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


class _Terms(NamedTuple):
    """Maps of SSIM's terms; `contrast_structure` is contrast times structure in one fraction."""

    luminance: Float
    contrast: Float
    structure: Float
    contrast_structure: Float


def _terms(x: Float, y: Float, width: float) -> _Terms:
    """Compare two volumes with a uniform window of 7 and sample covariance, mirrored at the border."""
    mean_x, mean_y = uniform_filter(x, _WINDOW), uniform_filter(y, _WINDOW)
    n = _WINDOW**x.ndim
    var_x, var_y, covariance = (
        (uniform_filter(a * b, _WINDOW) - mean_a * mean_b) * (n / (n - 1))
        for a, b, mean_a, mean_b in (
            (x, x, mean_x, mean_x),
            (y, y, mean_y, mean_y),
            (x, y, mean_x, mean_y),
        )
    )
    c1, c2 = (_K1 * width) ** 2, (_K2 * width) ** 2
    std = np.sqrt(np.maximum(var_x, 0)) * np.sqrt(np.maximum(var_y, 0))
    return _Terms(
        luminance=(2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1),
        contrast=(2 * std + c2) / (var_x + var_y + c2),
        structure=(covariance + c2 / 2) / (std + c2 / 2),
        contrast_structure=(2 * covariance + c2) / (var_x + var_y + c2),
    )


def _ms_ssim_2025(reference: Float, synthetic: Float, mask: Mask, width: float) -> float:
    padding = [_padding(n) for n in mask.shape]
    x, y = (
        np.pad(np.where(mask, image, LOW) - LOW, padding, mode="edge") for image in (reference, synthetic)
    )
    inside = np.pad(mask, padding, mode="edge")
    product = 1.0
    for scale, weight in enumerate(ms_ssim.WEIGHTS):
        terms = _terms(x, y, width)
        level = np.ones(x.shape)
        for term in (terms.luminance, terms.contrast, terms.structure):
            level *= np.maximum(term, 0) ** weight
        product *= float(np.clip(_inner_mean(level, inside, f"scale {scale + 1} of 5"), 0, 1))
        x, y, inside = _halve(x), _halve(y), inside[::2, ::2, ::2]
    return product


def _padding(n: int) -> tuple[int, int]:
    missing = max(0, _SMALLEST_2025 - n)
    return missing // 2, missing - missing // 2


def _halve(values: Float) -> Float:
    """Average every other voxel with the one before it along each axis; before the first stands 0."""
    for axis in range(values.ndim):
        before = np.pad(values, [(int(a == axis), 0) for a in range(values.ndim)])
        even = np.arange(0, values.shape[axis], 2)
        values = (values.take(even, axis) + before.take(even, axis)) / 2
    return values


def _inner_mean(values: Float, mask: Mask, place: str) -> float:
    """Average over the mask, less a border in which the window was mirrored."""
    inner = (slice(_BORDER, -_BORDER),) * values.ndim
    inside = mask[inner]
    if not inside.any():
        raise InputError(
            "E124",
            f"a mask without a voxel more than {_BORDER} voxels from the border of {place}",
            "a mask that reaches further in",
            "The challenge has no figure for it: take the standard definition.",
        )
    return float(values[inner][inside].mean())


def _clip(image: Array, high: float) -> Float:
    return np.clip(np.asarray(image, np.float64), LOW, high)


def _check(reference: Array, synthetic: Array, mask: Mask) -> None:
    check_pair(reference, synthetic, mask)
    if reference.ndim != 3:
        raise InputError(
            "E121",
            f"an array of shape {reference.shape}",
            "a volume (I, J, K)",
            "The challenges score volumes only.",
        )
