"""Perceptual terms by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from transmodal.losses.perceptual import perceptual_l1, perceptual_loss


def features(images: Tensor) -> list[Tensor]:
    assert images.min() >= 0
    assert images.max() <= 1
    return [images, 3 * images.mean((2, 3))]


def test_perceptual_is_the_sum_of_the_mean_squares() -> None:
    torch.manual_seed(0)
    synthetic, target = (torch.rand(2, 1, 4, 4) for _ in range(2))
    got = perceptual_loss(features, synthetic, target)
    difference = (synthetic - target).numpy().astype(float)
    wanted = (difference**2).mean() + ((3 * difference.mean((2, 3))) ** 2).mean()
    assert got.item() == pytest.approx(wanted, rel=1e-5)
    assert perceptual_loss(features, target, target).item() == 0


def test_absolute_differences_are_weighted_by_layer() -> None:
    torch.manual_seed(0)
    synthetic, target = (torch.rand(2, 1, 4, 4) for _ in range(2))
    got = perceptual_l1(features, synthetic, target, (0.5, 2.0))
    difference = (synthetic - target).numpy().astype(float)
    wanted = 0.5 * np.abs(difference).mean() + 2 * np.abs(3 * difference.mean((2, 3))).mean()
    assert got.item() == pytest.approx(wanted, rel=1e-5)


def test_the_gradient_reaches_the_synthetic_image_alone() -> None:
    synthetic, target = (torch.rand(1, 1, 4, 4, requires_grad=True) for _ in range(2))
    perceptual_loss(features, synthetic, target).backward()
    assert synthetic.grad is not None
    assert synthetic.grad.abs().max() > 0
    assert target.grad is None
