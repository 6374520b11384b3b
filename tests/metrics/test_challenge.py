from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics.challenge import standard, synthrad2023, synthrad2025
from transmodal.metrics.suite.ms_ssim import WEIGHTS, ms_ssim
from transmodal.metrics.suite.ssim import ssim
from transmodal.metrics.suite.voxels import mae, psnr

Volume = NDArray[np.float64]
EVERYWHERE = np.ones((9, 8, 7), bool)


def _head(*shape: int, seed: int = 0) -> tuple[Volume, Volume, NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    away = sum(((i - n / 2) / (0.4 * n)) ** 2 for i, n in zip(np.indices(shape), shape, strict=True))
    mask = np.asarray(away < 1)
    ct = np.where(mask, 40 + 1000 * (away > 0.7), -1024) + 20.0 * rng.normal(size=shape)
    return ct, ct + 60 * rng.normal(size=shape), mask


def test_2023_by_hand_on_constant_volumes() -> None:
    # 0 HU is 1024 above the lowest value, 100 HU is 1124; nothing varies, so SSIM is luminance alone.
    result = synthrad2023(np.zeros((9, 8, 7)), np.full((9, 8, 7), 100.0), EVERYWHERE)
    c1 = 40.24**2
    assert result.mae == 100
    assert result.psnr == pytest.approx(20 * math.log10(4024 / 100))
    assert result.ssim == pytest.approx((2 * 1024 * 1124 + c1) / (1024**2 + 1124**2 + c1))


def test_2023_by_hand_on_one_voxel() -> None:
    # One window fits, around the only inner voxel; a lone value v there has the mean v/343.
    x, y = np.full((2, 7, 7, 7), -1024.0)
    x[3, 3, 3], y[3, 3, 3] = -1024 + 3430, -1024 + 1715
    mask = np.ones((7, 7, 7), bool)
    c1, c2 = 40.24**2, 120.72**2
    luminance = (2 * 10 * 5 + c1) / (100 + 25 + c1)
    # Squares about the mean add up to 3430^2 (1 - 1/343), over 342 degrees of freedom: 3430^2 / 343.
    variance = 3430**2 / 343
    structure = (2 * variance / 2 + c2) / (variance + variance / 4 + c2)
    result = synthrad2023(x, y, mask)
    assert result.ssim == pytest.approx(luminance * structure)
    assert result.mae == pytest.approx(1715 / 343)
    assert result.psnr == pytest.approx(10 * math.log10(4024**2 / (1715**2 / 343)))


def test_2023_clips_all_but_mae() -> None:
    high = np.full((9, 8, 7), 2900.0)
    result = synthrad2023(high, high + 1000, EVERYWHERE)
    assert result.mae == 1000
    assert result.psnr == pytest.approx(20 * math.log10(4024 / 100))
    assert synthrad2023(high + 1000, high + 5000, EVERYWHERE).psnr == math.inf


def test_2025_by_hand_on_constant_volumes() -> None:
    # Each halving halves the first plane of each axis: at scale l it is 2^-l of the rest, and of the inner voxels
    # only those 3 from the low border have it in their window. Counting them by axis gives every scale's mean.
    x, y = np.zeros((97, 97, 97)), np.full((97, 97, 97), 200.0)
    expected = 1.0
    for scale, (weight, n) in enumerate(zip(WEIGHTS, (97, 49, 25, 13, 7), strict=True)):
        dark, mean = 0.5**scale, 0.0
        for axes, ways in enumerate((1, 3, 3, 1)):
            share = ways * (n - 7) ** (3 - axes) / (n - 6) ** 3
            m1, m2 = ((6 + dark) / 7) ** axes, ((6 + dark**2) / 7) ** axes
            mean += share * _luminance_contrast_structure(1024, 1224, m1, m2) ** weight
        expected *= mean
    result = synthrad2025(x, y, np.ones(x.shape, bool))
    assert result.mae == 200
    assert result.psnr == pytest.approx(20 * math.log10(4095 / 200))
    assert result.ms_ssim == pytest.approx(expected, abs=1e-9)


def _luminance_contrast_structure(v: float, w: float, m1: float, m2: float) -> float:
    """SSIM of two windows that are one pattern of mean m1 and mean square m2, times v and times w."""
    c1, c2 = 40.95**2, 122.85**2
    variance = (m2 - m1**2) * 343 / 342
    luminance = (2 * v * w * m1**2 + c1) / ((v * v + w * w) * m1**2 + c1)
    return luminance * (2 * v * w * variance + c2) / ((v * v + w * w) * variance + c2)


@pytest.mark.parametrize("high", [3071.0, 3000.0])
def test_2025_has_two_ranges(high: float) -> None:
    x, y, mask = _head(20, 24, 22)
    result = synthrad2025(x, y, mask, high_hu=high)
    clipped = [np.clip(image, -1024, high) for image in (x, y)]
    assert result.psnr == psnr(clipped[0], clipped[1], data_range=high + 1024, mask=mask)


@pytest.mark.parametrize("figures", [synthrad2023, synthrad2025])
def test_identity_noise_and_what_is_outside(figures: Callable[..., Any]) -> None:
    x, y, mask = _head(22, 25, 20)
    best, good, bad = (figures(x, x + scale * (y - x), mask) for scale in (0, 1, 4))
    assert best.mae == 0
    assert best.psnr == math.inf
    assert best[2] == pytest.approx(1, abs=1e-12)
    assert best.mae < good.mae < bad.mae
    assert best.psnr > good.psnr > bad.psnr
    assert best[2] > good[2] > bad[2]
    assert figures(np.where(mask, x, 9e3), np.where(mask, y, -7.0), mask) == good


def test_the_standard_stands_beside() -> None:
    x, y, mask = _head(22, 25, 20)
    result = standard(x, y, mask)
    assert result.mae == mae(x, y, mask=mask)
    assert result.psnr == psnr(x, y, data_range=4024, mask=mask)
    assert result.ssim == ssim(x + 1024, y + 1024, data_range=4024, mask=mask)
    assert result.ms_ssim == ms_ssim(x + 1024, y + 1024, data_range=4024, mask=mask)


def test_what_has_no_answer_is_refused_by_name() -> None:
    x = np.zeros((9, 8, 7))
    rim = np.zeros(x.shape, bool)
    rim[0] = True
    for call, code in (
        (lambda: synthrad2023(x, x, ~EVERYWHERE), "E124"),
        (lambda: synthrad2023(x, x, rim), "E124"),
        (lambda: synthrad2023(x, x * np.nan, EVERYWHERE), "E120"),
        (lambda: synthrad2025(x, x[1:], EVERYWHERE), "E130"),
        (lambda: synthrad2025(x[0], x[0], EVERYWHERE[0]), "E121"),
        (lambda: standard(x[0], x[0], EVERYWHERE[0]), "E121"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
    with pytest.raises(UsageError, match=r"9x8x1.*at least 7"):
        synthrad2023(x[..., :1], x[..., :1], EVERYWHERE[..., :1])
    with pytest.raises(UsageError, match="top of the range"):
        synthrad2025(x, x, EVERYWHERE, high_hu=-1024)


def test_a_mask_that_a_coarser_scale_loses_is_refused() -> None:
    x = np.zeros((97, 97, 97))
    mask = np.zeros(x.shape, bool)
    mask[51, 51, 51] = True
    with pytest.raises(InputError, match="scale 2 of 5"):
        synthrad2025(x, x, mask)
