"""Structure in grey and in colour: the SSIM terms of MRI colorization, over windows of several sides."""

from __future__ import annotations

import torch
from torch import Tensor

from transmodal.losses.structure import ssim_loss

WINDOWS = (11, 9, 7, 5, 3)
"""Sides of the windows whose SSIM terms are added up: what the paper calls multi-scale."""


def grey(colour: Tensor) -> Tensor:
    """Return the mean of the channels, `(B, 1, H, W)`."""
    return colour.float().mean(dim=1, keepdim=True)


def windowed_ssim(synthetic: Tensor, target: Tensor) -> Tensor:
    """Return the sum over `WINDOWS` of 1 - SSIM, for images in [0, 1]; from 0 to 10."""
    return torch.stack([ssim_loss(synthetic, target, 1.0, taps=taps) for taps in WINDOWS]).sum()
