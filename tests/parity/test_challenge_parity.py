"""The challenges' figures from scikit-image and scipy, as their programs call them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter
from scipy.signal import fftconvolve
from skimage.metrics import structural_similarity

from transmodal.metrics.challenge import synthrad2023, synthrad2025


@pytest.mark.parametrize("shape", [(15, 18, 21), (7, 30, 9)])
def test_2023s_ssim_is_scikit_images(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1500, 3500, shape)
    y = x + 200 * rng.normal(size=shape)
    mask = rng.random(shape) > 0.3
    a, b = (np.where(mask, np.clip(image, -1024, 3000), -1024) + 1024 for image in (x, y))
    _, theirs = structural_similarity(a, b, data_range=4024, full=True)
    inner = (slice(3, -3),) * 3
    expected = theirs[inner][mask[inner]].mean()
    assert synthrad2023(x, y, mask).ssim == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shape", [(100, 97, 40), (33, 101, 98)])
def test_2025s_ms_ssim_from_a_second_statement(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    x = uniform_filter(rng.uniform(-3000, 4000, shape), 5)
    y = x + 100 * rng.normal(size=shape)
    mask = uniform_filter(rng.random(shape), 9) > 0.49
    missing = [max(97 - n, 0) for n in shape]
    sides = [(n // 2, n - n // 2) for n in missing]
    a, b = (
        np.pad(np.where(mask, np.clip(image, -1024, 3071), -1024) + 1024, sides, mode="edge")
        for image in (x, y)
    )
    inside = np.pad(mask, sides, mode="edge")
    expected, inner = 1.0, (slice(3, -3),) * 3
    for weight in (0.0448, 0.2856, 0.3001, 0.2363, 0.1333):
        ma, mb = uniform_filter(a, 7), uniform_filter(b, 7)
        va, vb, vab = (
            343 / 342 * (uniform_filter(product, 7) - means)
            for product, means in ((a * a, ma * ma), (b * b, mb * mb), (a * b, ma * mb))
        )
        sa, sb = np.sqrt(va.clip(0)), np.sqrt(vb.clip(0))
        c1, c2, c3 = 40.95**2, 122.85**2, 122.85**2 / 2
        level = ((2 * ma * mb + c1) / (ma * ma + mb * mb + c1)).clip(0) ** weight
        level *= ((2 * sa * sb + c2) / (va + vb + c2)).clip(0) ** weight
        level *= ((vab + c3) / (sa * sb + c3)).clip(0) ** weight
        expected *= level[inner][inside[inner]].mean()
        a, b = (fftconvolve(z, np.full((2, 2, 2), 1 / 8), mode="same")[::2, ::2, ::2] for z in (a, b))
        inside = inside[::2, ::2, ::2]
    assert synthrad2025(x, y, mask).ms_ssim == pytest.approx(expected, abs=1e-9)
