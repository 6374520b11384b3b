"""Perceptual loss: images compared by a frozen network's features; Johnson, Alahi and Fei-Fei, ECCV 2016."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.precision import in_full_precision

Features = Callable[[Tensor], Sequence[Tensor]]


def perceptual_loss(features: Features, synthetic: Tensor, target: Tensor) -> Tensor:
    """Return the sum over layers of the mean squared difference of features, in float32.

    Args:
        features: the frozen network; the gradient flows through it to `synthetic`.
        synthetic: `(B, C, H, W)`, in the range that the network takes.
        target: the same.
    """
    with torch.no_grad():
        target_features = features(target.detach())
    synthetic_features = features(synthetic)
    return _squares(synthetic_features, target_features)


def perceptual_l1(features: Features, synthetic: Tensor, target: Tensor, weights: Sequence[float]) -> Tensor:
    """Return the weighted sum over layers of the mean absolute difference of features, in float32.

    Args:
        features: the frozen network, on images in [0, 1]; the gradient flows through it to `synthetic`.
        synthetic: `(B, C, H, W)` in [0, 1].
        target: the same.
        weights: one per layer.
    """
    with torch.no_grad():
        target_features = features(target.detach())
    synthetic_features = features(synthetic)
    return _absolutes(synthetic_features, target_features, weights)


@in_full_precision
def _squares(synthetic: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    terms = [F.mse_loss(features, goal) for features, goal in zip(synthetic, target, strict=True)]
    return torch.stack(terms).sum()


@in_full_precision
def _absolutes(synthetic: Sequence[Tensor], target: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    layers = zip(weights, synthetic, target, strict=True)
    return torch.stack([weight * F.l1_loss(features, goal) for weight, features, goal in layers]).sum()
