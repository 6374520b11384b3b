"""Bands of frequencies and the loss on them, against plain statements."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from transmodal.translators.macro2micro.frequency import bands, frequency_loss


@pytest.mark.parametrize("sides", [(26, 18), (12, 14, 11)])
def test_bands_are_a_gaussian_and_the_rest(sides: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    image = torch.rand(2, 3, *sides) * 2 - 1
    low, high = bands(image)
    weights = np.exp(-0.5 * (np.arange(-10, 11) / 3.5) ** 2)
    smooth = image.numpy().astype(float)
    for axis in range(2, image.ndim):
        smooth = ndimage.correlate1d(smooth, weights / weights.sum(), axis, mode="nearest")
    np.testing.assert_allclose(low.numpy(), smooth, atol=1e-6)
    torch.testing.assert_close(low + high, image)
    flat = torch.full((1, 1, *(16 for _ in sides)), -1.0)
    torch.testing.assert_close(bands(flat)[0], flat)


def test_frequency_loss_by_hand() -> None:
    target = torch.rand(2, 1, 16, 16)
    low, high = bands(target)
    assert frequency_loss(low, high, target).item() == pytest.approx(0, abs=1e-6)
    assert frequency_loss(low + 0.25, high - 0.5, target).item() == pytest.approx(0.75, rel=1e-4)
