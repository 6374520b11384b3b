"""Slices of any axis are images in [0, 1] that count once, with the values of scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from transmodal.errors import InputError, UsageError
from transmodal.metrics.paper2d import SliceScores, pool, score_slices

RNG = np.random.default_rng(5)
REFERENCE = RNG.uniform(-1024, 1976, (15, 14, 13))
SYNTHETIC = REFERENCE + RNG.normal(0, 200, REFERENCE.shape)
ENDS = (-1024.0, 1976.0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_figures_are_means_over_the_slices_of_an_axis(axis: int) -> None:
    scores = score_slices(REFERENCE, SYNTHETIC, axis=axis, ends=ENDS)
    target, image = ((np.clip(v, *ENDS) + 1024) / 3000 for v in (REFERENCE, SYNTHETIC))
    pairs = list(zip(np.moveaxis(target, axis, 0), np.moveaxis(image, axis, 0), strict=True))
    own_psnr = [10 * math.log10(1 / ((first - second) ** 2).mean()) for first, second in pairs]
    own_ssim = [
        structural_similarity(
            first, second, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for first, second in pairs
    ]
    assert scores.psnr == pytest.approx(np.mean(own_psnr))
    assert scores.ssim == pytest.approx(np.mean(own_ssim), abs=1e-6)
    assert (scores.n, scores.n_psnr, scores.excluded) == (len(pairs), len(pairs), 0)


def test_values_beyond_the_range_are_clipped() -> None:
    beyond = np.where(REFERENCE > 1500, 1e6, REFERENCE)
    clipped = np.where(REFERENCE > 1500, 1976.0, REFERENCE)
    assert score_slices(REFERENCE, beyond, axis=2, ends=ENDS) == score_slices(
        REFERENCE, clipped, axis=2, ends=ENDS
    )


def test_slices_without_mask_are_left_out_and_others_are_whole() -> None:
    mask = np.zeros(REFERENCE.shape, bool)
    mask[4:9, 3, 3] = True
    scores = score_slices(REFERENCE, SYNTHETIC, axis=0, ends=ENDS, mask=mask)
    cut = score_slices(REFERENCE[4:9], SYNTHETIC[4:9], axis=0, ends=ENDS)
    assert scores == cut._replace(excluded=10)


def test_a_slice_that_equals_its_target_has_no_psnr() -> None:
    copied = SYNTHETIC.copy()
    copied[:, :, 0] = REFERENCE[:, :, 0]
    scores = score_slices(REFERENCE, copied, axis=2, ends=ENDS)
    assert (scores.n, scores.n_psnr) == (13, 12)
    assert math.isfinite(scores.psnr)
    whole = score_slices(REFERENCE, REFERENCE, axis=2, ends=ENDS)
    assert (whole.n_psnr, whole.ssim) == (0, pytest.approx(1))
    assert math.isnan(whole.psnr)


def test_colour_is_taken_with_its_channels() -> None:
    grey = (REFERENCE + 1024) / 12
    colour = np.repeat(grey[..., None], 3, axis=3)
    noisy = np.repeat((SYNTHETIC + 1024)[..., None] / 12, 3, axis=3)
    assert score_slices(colour, noisy, axis=1, ends=(0, 255)).ssim == pytest.approx(
        score_slices(grey, noisy[..., 0], axis=1, ends=(0, 255)).ssim
    )


def test_pooled_slices_count_once() -> None:
    many, few = SliceScores(30, 2, 0.9, 30, 20.0), SliceScores(10, 0, 0.5, 5, 34.0)
    assert pool([many, few]) == SliceScores(40, 2, pytest.approx(0.8), 35, pytest.approx(22.0))
    none = pool([SliceScores(3, 0, 1.0, 0, math.nan)])
    assert (none.ssim, none.n_psnr) == (1.0, 0)
    assert math.isnan(none.psnr)


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(UsageError, match="data range"):
        score_slices(REFERENCE, SYNTHETIC, axis=0, ends=(1.0, 1.0))
    with pytest.raises(InputError, match="shape"):
        score_slices(REFERENCE, SYNTHETIC[1:], axis=0, ends=ENDS)
    with pytest.raises(InputError, match="no voxels"):
        score_slices(REFERENCE, SYNTHETIC, axis=0, ends=ENDS, mask=np.zeros(REFERENCE.shape, bool))
