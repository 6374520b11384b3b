"""An image as the sum of a low and a high band, and their distance."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.nets.dimensions import layers_of
from transmodal.precision import in_full_precision


@in_full_precision
def bands(image: Tensor, taps: int = 21, sigma: float = 3.5) -> tuple[Tensor, Tensor]:
    """Return the image smoothed by a Gaussian, and what that leaves out; together they are the image.

    Edges are repeated outwards, so that a constant image has no high band. Computed in float32.

    Args:
        image: `(B, C, *S)`; the Gaussian is as long along every axis.
        taps: odd length of the Gaussian. 21 and 3.5 are what OpenCV makes of 21 alone.
        sigma: in pixels.
    """
    offsets = torch.arange(taps, dtype=torch.float32, device=image.device) - taps // 2
    window = torch.exp(-0.5 * (offsets / sigma) ** 2)
    window, dims, low = window / window.sum(), image.ndim - 2, image
    for axis in range(dims):  # the last axis of the image first, as padding names them
        pads = [0] * 2 * dims
        pads[2 * axis : 2 * axis + 2] = [taps // 2] * 2
        sides = [1] * dims
        sides[-1 - axis] = taps
        kernel = window.expand(image.shape[1], 1, taps).reshape(image.shape[1], 1, *sides)
        padded = F.pad(low, pads, mode="replicate")
        low = layers_of(dims).convolve(padded, kernel, groups=image.shape[1])
    return low, image - low


@in_full_precision
def frequency_loss(low: Tensor, high: Tensor, target: Tensor) -> Tensor:
    """Return L1 of a synthetic low band and of a synthetic high band to the target's, summed.

    Args:
        low: `(B, T, *S)`.
        high: the same.
        target: the same.
    """
    wanted_low, wanted_high = bands(target)
    return F.l1_loss(low, wanted_low) + F.l1_loss(high, wanted_high)
