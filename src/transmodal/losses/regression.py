"""Distances from a target, per voxel: squared, absolute inside a mask and at several resolutions, of labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.precision import in_full_precision


@in_full_precision
def smooth_absolute(synthetic: Tensor, target: Tensor) -> Tensor:
    """Return the mean of the squared difference / 2 below a difference of 1, and of the difference - 1/2 above."""
    return F.smooth_l1_loss(synthetic, target)


@in_full_precision
def squared(synthetic: Tensor, target: Tensor) -> Tensor:
    """Return the mean of (synthetic - target)^2."""
    return F.mse_loss(synthetic, target)


@in_full_precision
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of -log softmax(logits) at the labels.

    Args:
        logits: `(B, K, *S)`.
        labels: `(B, *S)`, integers.
    """
    return F.cross_entropy(logits, labels)


@in_full_precision
def masked_mae(synthetic: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean of |synthetic - target| over the mask's voxels of all samples; 0 where it has none.

    Args:
        synthetic: `(B, C, *S)`.
        target: the same.
        mask: `(B, 1, *S)`, shares in [0, 1] by which voxels count; None counts every voxel.
    """
    if mask is None:
        return F.l1_loss(synthetic, target)
    apart = (synthetic - target).abs() * mask
    return apart.sum() / (mask.sum() * target.shape[1]).clamp(min=1e-6)


@in_full_precision
def deep_mae(pyramid: Sequence[Tensor], target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the weighted mean of the errors at each resolution; deep supervision.

    Lee et al., AISTATS 2015, with nnU-Net's weights: each resolution counts half of the finer one, and the weights
    sum to 1. A coarse target is the mean of the voxels of the mask that its voxel covers.

    Args:
        pyramid: synthetic images, the finest first, each `(B, C, *S / 2 ** n)`.
        target: `(B, C, *S)`.
        mask: `(B, 1, *S)`, 0 or 1; None counts every voxel.
    """
    pool = F.avg_pool3d if target.ndim == 5 else F.avg_pool2d
    total = torch.zeros((), device=target.device)
    whole = sum(0.5**n for n in range(len(pyramid)))
    for n, synthetic in enumerate(pyramid):
        if n and mask is None:
            target = pool(target, 2)
        elif n and mask is not None:
            share = pool(mask, 2)
            target = pool(target * mask, 2) / share.clamp(min=1e-6)
            mask = share
        total = total + 0.5**n / whole * masked_mae(synthetic, target, mask)
    return total
