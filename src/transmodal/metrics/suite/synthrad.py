"""SynthRAD's figures of synthetic CT, one by one, as the challenges compute them, defects included.

- 2023: SSIM has a uniform window of 7 voxels and sample covariance; everything outside the mask is -1024 HU
  in both images, so a border of the mask that agrees by construction raises it.
- 2025: luminance counts at every scale (Wang et al.: at the coarsest only); the weights are exponents of each
  voxel and not of a scale's mean; halving takes the voxel and the one before it, which is 0 (the lowest
  value) before the first. Small volumes are padded to 97 voxels with their edge. The range is 4095 HU in the
  evaluation container, 4024 in the published metrics and 4000 on the web page: PSNR moves by 0.15 dB between
  the first two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter

from transmodal.errors import InputError
from transmodal.metrics.checks import Array, Float, Mask, check_pair, check_side
from transmodal.metrics.metric import Direction, In3D, Metric
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.suite import ms_ssim
from transmodal.metrics.suite.voxels import mae, psnr

LOW = -1024.0
HIGH_2023 = 3000.0
HIGH_2025 = 3071.0  # evaluation container; the published metrics have 3000

_WINDOW = 7
_BORDER = _WINDOW // 2
_K1, _K2 = 0.01, 0.03
_SMALLEST_2025 = 97  # five scales of a window of 7 need it


def clipped_psnr(reference: Array, synthetic: Array, mask: Mask, high_hu: float) -> float:
    """Return PSNR over the mask, both volumes clipped to -1024 up to `high_hu`, which is its range.

    Raises:
        InputError: as `check_volumes`.
    """
    check_volumes(reference, synthetic, mask)
    return psnr(_clip(reference, high_hu), _clip(synthetic, high_hu), data_range=high_hu - LOW, mask=mask)


def ssim_2023(reference: Array, synthetic: Array, mask: Mask) -> float:
    """Return SSIM as SynthRAD2023 does, over the mask less a border of 3 voxels of the volume.

    Args:
        reference: CT in HU, `(I, J, K)`, at least 7 voxels along every axis.
        synthetic: the translator's image, of the same shape.
        mask: bool `(I, J, K)`.

    Raises:
        InputError: as `check_volumes`; E124 for a mask without a voxel 3 voxels from the volume's border.
        UsageError: E004 for a volume below 7 voxels along an axis, such as a single slice.
    """
    check_volumes(reference, synthetic, mask)
    check_side(reference.shape, _WINDOW)
    emptied = [np.where(mask, _clip(image, HIGH_2023), LOW) - LOW for image in (reference, synthetic)]
    maps = _terms(emptied[0], emptied[1], HIGH_2023 - LOW)
    return _inner_mean(maps.luminance * maps.contrast_structure, mask, "the volume")


def ms_ssim_2025(reference: Array, synthetic: Array, mask: Mask, high_hu: float = HIGH_2025) -> float:
    """Return MS-SSIM as SynthRAD2025 does, over the mask.

    It depends on the direction of the axes, since halving takes a voxel and the one before it: the challenge reads files
    whose axes run to the left, the back and the top.

    Args:
        reference: CT in HU, `(I, J, K)`.
        synthetic: the translator's image, of the same shape.
        mask: bool `(I, J, K)`.
        high_hu: top of the range that begins at -1024.

    Raises:
        InputError: as `check_volumes`; E124 for a mask that is lost at a coarser scale.
    """
    check_volumes(reference, synthetic, mask)
    return _ms_ssim_2025(_clip(reference, high_hu), _clip(synthetic, high_hu), mask, high_hu - LOW)


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


def check_volumes(reference: Array, synthetic: Array, mask: Mask) -> None:
    """Refuse what the challenges score no figure of.

    Raises:
        InputError: E121 for what is not a volume, E130 for shapes that differ, E120 for values that are not
            finite, E124 for a mask without voxels.
    """
    check_pair(reference, synthetic, mask)
    if reference.ndim != 3:
        raise InputError(
            "E121",
            f"an array of shape {reference.shape}",
            "a volume (I, J, K)",
            "The challenges score volumes only.",
        )


def _as_read(function: Callable[[Array, Array, Mask], float]) -> In3D:
    """Return a figure of a pair as the challenge's program reads it: axes to the left, the back and the top."""

    def measure(pair: ImagePair) -> float:
        flips = tuple(axis for axis, letter in enumerate(pair.orientation) if letter in "RAI")
        reference, synthetic = (np.flip(image, flips) for image in (pair.reference, pair.synthetic))
        mask = np.ones(pair.shape, bool) if pair.mask is None else np.flip(pair.mask, flips)
        return function(reference, synthetic, mask)

    return measure


def _metric(
    name: str, unit: str, best: Direction, function: Callable[[Array, Array, Mask], float], definition: str
) -> Metric:
    """Return the record of a challenge's figure, which is inside the mask alone and of CT in HU."""
    return Metric(
        name,
        unit,
        best,
        _as_read(function),
        definition=definition,
        kind="grey",
        needs="inside",
        has_range=False,
        takes_unit="HU",
        clips="clipped" in definition,
        decimals={"HU": 1, "dB": 2}.get(unit, 3),
        smallest=_WINDOW,
        slices=_WINDOW,
    )


def _psnr_2023(reference: Array, synthetic: Array, mask: Mask) -> float:
    return clipped_psnr(reference, synthetic, mask, HIGH_2023)


def _psnr_2025(reference: Array, synthetic: Array, mask: Mask) -> float:
    return clipped_psnr(reference, synthetic, mask, HIGH_2025)


def _mae(reference: Array, synthetic: Array, mask: Mask) -> float:
    return mae(reference, synthetic, mask=mask)


_RANGE_2023 = "SynthRAD2023's own: clipped to -1024 to 3000 HU"
_RANGE_2025 = "SynthRAD2025's own: clipped to -1024 to 3071 HU"
METRICS = (
    _metric("mae_synthrad2023", "HU", "lower", _mae, "SynthRAD2023's own"),
    _metric("psnr_synthrad2023", "dB", "higher", _psnr_2023, _RANGE_2023),
    _metric(
        "ssim_synthrad2023",
        "1",
        "higher",
        ssim_2023,
        f"{_RANGE_2023}, outside the mask -1024, uniform window 7x7x7, sample covariance, 3 voxels of border left out",
    ),
    _metric("mae_synthrad2025", "HU", "lower", _mae, "SynthRAD2025's own"),
    _metric("psnr_synthrad2025", "dB", "higher", _psnr_2025, _RANGE_2025),
    _metric(
        "ms_ssim_synthrad2025",
        "1",
        "higher",
        ms_ssim_2025,
        f"{_RANGE_2025}, outside the mask -1024, uniform window 7x7x7, five scales, luminance at each",
    ),
)
