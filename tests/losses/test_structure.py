"""SSIM as a loss agrees with scikit-image, and reaches its ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from transmodal.losses.structure import ssim_loss


@pytest.mark.parametrize("shape", [(31, 24), (17, 15, 19)])
def test_agrees_with_scikit_image(shape: tuple[int, ...]) -> None:
    draw = np.random.default_rng(2)
    x = draw.normal(size=shape)
    y = 0.7 * x + 0.4 * draw.normal(size=shape)
    _, similarity = structural_similarity(
        x, y, data_range=2.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    inner = tuple(slice(5, -5) for _ in shape)
    ours = ssim_loss(torch.from_numpy(x)[None, None], torch.from_numpy(y)[None, None], 2.0)
    assert 1 - float(ours) == pytest.approx(float(similarity[inner].mean()), abs=1e-5)


def test_equal_images_cost_nothing_and_small_ones_are_taken() -> None:
    image = torch.rand(1, 2, 6, 9)
    assert float(ssim_loss(image, image, 1.0)) == pytest.approx(0.0, abs=1e-6)
    assert float(ssim_loss(image, 1 - image, 1.0)) > 0.5


def test_gradient_is_finite_on_constants() -> None:
    image = torch.zeros(1, 1, 16, 16, requires_grad=True)
    ssim_loss(image, torch.zeros(1, 1, 16, 16), 2.0).backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
