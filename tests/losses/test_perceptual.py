"""Perceptual, frequency and logistic terms by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from transmodal.losses.logistic import logistic
from transmodal.losses.perceptual import perceptual_l1, perceptual_loss
from transmodal.translators.macro2micro.frequency import bands, frequency_loss


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


def test_bands_are_a_gaussian_and_the_rest() -> None:
    torch.manual_seed(1)
    image = torch.rand(2, 3, 26, 18) * 2 - 1
    low, high = bands(image)
    weights = np.exp(-0.5 * (np.arange(-10, 11) / 3.5) ** 2)
    smooth = image.numpy().astype(float)
    for axis in (2, 3):
        smooth = ndimage.correlate1d(smooth, weights / weights.sum(), axis, mode="nearest")
    np.testing.assert_allclose(low.numpy(), smooth, atol=1e-6)
    torch.testing.assert_close(low + high, image)
    flat = torch.full((1, 1, 16, 16), -1.0)
    torch.testing.assert_close(bands(flat)[0], flat)


def test_frequency_loss_by_hand() -> None:
    target = torch.rand(2, 1, 16, 16)
    low, high = bands(target)
    assert frequency_loss(low, high, target).item() == pytest.approx(0, abs=1e-6)
    assert frequency_loss(low + 0.25, high - 0.5, target).item() == pytest.approx(0.75, rel=1e-4)


def test_logistic_by_hand() -> None:
    verdicts = torch.tensor([[-2.0], [3.0]])
    real = (math.log1p(math.exp(2)) + math.log1p(math.exp(-3))) / 2
    synthetic = (math.log1p(math.exp(-2)) + math.log1p(math.exp(3))) / 2
    assert logistic(verdicts, real=True).item() == pytest.approx(real, rel=1e-6)
    assert logistic(verdicts, real=False).item() == pytest.approx(synthetic, rel=1e-6)
    assert logistic(torch.tensor([1e4]), real=False).item() == pytest.approx(1e4)
