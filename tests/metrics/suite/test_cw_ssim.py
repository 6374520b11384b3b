from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from transmodal.errors import InputError, UsageError
from transmodal.metrics.checks import Array
from transmodal.metrics.steerable import complex_bands
from transmodal.metrics.suite.cw_ssim import STABILISER, cw_ssim
from transmodal.metrics.suite.ssim import ssim


@pytest.fixture
def image() -> Array:
    smooth: Array = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(64, 72)), 2)
    return (smooth - smooth.min()) / np.ptp(smooth)


def test_it_is_the_formula_in_a_window(image: Array) -> None:
    noisy = image + 0.1 * np.random.default_rng(4).normal(size=image.shape)
    figures = []
    for of_x, of_y in zip(complex_bands(image), complex_bands(noisy), strict=True):
        for x, y in zip(of_x, of_y, strict=True):
            wide = [np.pad(band, 3, mode="symmetric") for band in (x, y)]
            values = np.empty(x.shape)
            for i, j in np.ndindex(*x.shape):
                a, b = (band[i : i + 7, j : j + 7].ravel() for band in wide)
                k = STABILISER * 49
                values[i, j] = (2 * abs(np.vdot(b, a)) + k) / (np.vdot(a, a).real + np.vdot(b, b).real + k)
            figures.append(values.mean())
    assert cw_ssim(image, noisy, data_range=1) == pytest.approx(np.mean(figures), abs=1e-9)


def test_a_small_shift_costs_less_than_by_ssim_and_noise_costs_more_with_its_strength(image: Array) -> None:
    assert cw_ssim(image, image, data_range=1) == pytest.approx(1)
    moved = np.roll(image, 1, axis=1)
    assert 1 - cw_ssim(image, moved, data_range=1) < 0.5 * (1 - ssim(image, moved, data_range=1))
    noise = np.random.default_rng(5).normal(size=image.shape)
    figures = [cw_ssim(image, image + s * noise, data_range=1) for s in (0.02, 0.1, 0.5)]
    assert figures == sorted(figures, reverse=True)
    assert cw_ssim(3 * image, 3 * moved, data_range=3) == pytest.approx(cw_ssim(image, moved, data_range=1))


def test_outside_of_the_mask_nothing_counts(image: Array) -> None:
    mask = np.zeros(image.shape, bool)
    mask[16:48, 16:56] = True
    changed = np.where(mask, image, 9.0)
    assert cw_ssim(image, changed, data_range=1, mask=mask) == pytest.approx(1)
    assert cw_ssim(image, changed, data_range=1) < 0.9


def test_small_images_and_ranges_that_are_none_are_refused(image: Array) -> None:
    with pytest.raises(UsageError, match="28"):
        cw_ssim(image[:27], image[:27], data_range=1)
    with pytest.raises(UsageError, match="range"):
        cw_ssim(image, image, data_range=0)
    with pytest.raises(InputError, match="one shape"):
        cw_ssim(image, image[1:], data_range=1)
