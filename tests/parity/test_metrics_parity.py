from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from transmodal.metrics.suite.ssim import slice_ssim, ssim
from transmodal.metrics.suite.voxels import mse, psnr

AGREEMENT = 1e-6
SETTINGS = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def _pair(shape: tuple[int, ...], low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(sum(shape))
    reference = low + (high - low) * rng.random(shape) ** 2
    reference[: shape[0] // 3] = low  # a constant background
    return reference, reference + 0.1 * (high - low) * rng.normal(size=shape)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1024.0, 3000.0), (0.0, 255.0)])
@pytest.mark.parametrize("shape", [(29, 40), (64, 33), (17, 25, 31), (48, 13, 11)])
def test_ssim_is_scikit_images(shape: tuple[int, ...], low: float, high: float) -> None:
    x, y = _pair(shape, low, high)
    theirs, their_map = structural_similarity(x, y, data_range=high - low, full=True, **SETTINGS)
    mask = np.random.default_rng(7).random(shape) > 0.8
    assert ssim(x, y, data_range=high - low) == pytest.approx(theirs, abs=AGREEMENT)
    assert ssim(x, y, data_range=high - low, mask=mask) == pytest.approx(
        their_map[mask].mean(), abs=AGREEMENT
    )


def test_ssim_in_colour_is_scikit_images() -> None:
    x, y = _pair((19, 23, 17, 3), 0, 255)
    theirs = structural_similarity(x, y, data_range=255, channel_axis=3, **SETTINGS)
    assert ssim(x, y, data_range=255, colour=True) == pytest.approx(theirs, abs=AGREEMENT)


def test_ssim_of_slices_is_scikit_images_per_slice() -> None:
    x, y = _pair((19, 23, 17), 0, 1)
    theirs = [structural_similarity(x[:, :, k], y[:, :, k], data_range=1, **SETTINGS) for k in range(17)]
    assert slice_ssim(x, y, axis=2, data_range=1).values == pytest.approx(theirs, abs=AGREEMENT)


@pytest.mark.parametrize("shape", [(8, 9), (5, 6, 7)])
def test_mse_and_psnr_are_scikit_images(shape: tuple[int, ...]) -> None:
    x, y = _pair(shape, -1024, 3000)
    assert mse(x, y) == pytest.approx(float(mean_squared_error(x, y)), rel=1e-12)
    theirs = float(peak_signal_noise_ratio(x, y, data_range=4024))
    assert psnr(x, y, data_range=4024) == pytest.approx(theirs, abs=1e-9)
