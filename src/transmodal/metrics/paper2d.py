"""Figures of slices as papers on 2D translation report them: every slice is an image in [0, 1], and counts once.

MRNet pools the slices of all three axes, each translated along its own. Papers of this kind state neither mask nor
window; here a slice is compared whole, in values clipped to their range, by PSNR and by SSIM's Gaussian form.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from transmodal.metrics.checks import Array, Float, Mask, check_pair, check_range
from transmodal.metrics.slices import over_slices
from transmodal.metrics.suite.ssim import slice_ssim
from transmodal.metrics.suite.voxels import psnr

DEFINITION = (
    "every slice that meets the mask, whole, values clipped to their range and scaled to [0, 1]; SSIM with a Gaussian "
    "window of 11 x 11, sigma 1.5, interior only; a slice that equals its target has no PSNR and is left out of its mean"
)
"""The definition of the figures, on one line."""


class SliceScores(NamedTuple):
    """Figures of the slices of one volume or of several; the means of several are over all their slices.

    Attributes:
        n: slices with an SSIM.
        excluded: slices that do not meet the mask.
        ssim: mean over slices, unit 1.
        n_psnr: slices with a finite PSNR.
        psnr: mean over them in dB; NaN without any.
    """

    n: int
    excluded: int
    ssim: float
    n_psnr: int
    psnr: float


def score_slices(
    reference: Array,
    synthetic: Array,
    *,
    axis: int,
    ends: tuple[float, float],
    mask: Mask | None = None,
) -> SliceScores:
    """Score a volume slice by slice along an axis.

    Args:
        reference: the target as measured, `(I, J, K)`, or `(I, J, K, 3)` in colour.
        synthetic: of the same shape.
        axis: that is sliced, 0 to 2.
        ends: lowest and highest value of the range, which become 0 and 1.
        mask: bool `(I, J, K)`; slices that do not meet it are left out, the others are compared whole. None takes every slice.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
        UsageError: E001 for ends that are not ascending and finite.
    """
    check_pair(reference, synthetic, mask)
    check_range(ends[1] - ends[0])
    slice_mask = np.ones(reference.shape[axis], bool) if mask is None else _meeting(mask, axis)
    target, image = (
        np.compress(slice_mask, _scaled(volume, ends), axis=axis) for volume in (reference, synthetic)
    )
    of_ssim = slice_ssim(target, image, axis=axis, data_range=1.0)
    of_psnr = over_slices(
        lambda first, second, _: psnr(first, second, data_range=1.0), target, image, axis=axis
    )
    finite = of_psnr.values[np.isfinite(of_psnr.values)]
    return SliceScores(
        of_ssim.n_used,
        int((~slice_mask).sum()),
        of_ssim.mean,
        len(finite),
        float(finite.mean()) if len(finite) else float("nan"),
    )


def pool(scores: Iterable[SliceScores]) -> SliceScores:
    """Return the figures of all slices together, each counting once."""
    members = list(scores)
    with_psnr = [member for member in members if member.n_psnr]
    n, n_psnr = sum(member.n for member in members), sum(member.n_psnr for member in with_psnr)
    return SliceScores(
        n,
        sum(member.excluded for member in members),
        sum(member.ssim * member.n for member in members) / n if n else float("nan"),
        n_psnr,
        sum(member.psnr * member.n_psnr for member in with_psnr) / n_psnr if n_psnr else float("nan"),
    )


def _meeting(mask: Mask, axis: int) -> Mask:
    """Return which slices meet a mask."""
    across = tuple(side for side in range(3) if side != axis)
    return np.asarray(mask.any(axis=across), bool)


def _scaled(volume: Array, ends: tuple[float, float]) -> Float:
    low, high = ends
    scaled: Float = (np.clip(np.asarray(volume, np.float64), low, high) - low) / (high - low)
    return scaled
