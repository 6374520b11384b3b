from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from transmodal.metrics.suite.ssim import slice_ssim, ssim
from transmodal.metrics.suite.voxels import mae, mse, psnr

Image = NDArray[np.float64]
VALUES = st.floats(-1000, 3000, width=32)
SHAPES = hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=16)
FEW = settings(max_examples=25, deadline=None)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Image, Image]:
    shape = draw(SHAPES)
    images = [draw(hnp.arrays(np.float64, shape, elements=VALUES)) for _ in range(2)]
    return images[0], images[1]


@FEW
@given(pairs())
def test_ssim_is_at_most_one_symmetric_and_finite(pair: tuple[Image, Image]) -> None:
    x, y = pair
    value = ssim(x, y, data_range=4000)
    assert -1 - 1e-9 <= value <= 1 + 1e-9
    assert math.isclose(value, ssim(y, x, data_range=4000), abs_tol=1e-12)
    assert math.isclose(ssim(x, x.copy(), data_range=4000), 1, abs_tol=1e-9)


@FEW
@given(pairs())
def test_a_full_mask_of_voxels_weighs_like_the_figures_without(pair: tuple[Image, Image]) -> None:
    x, y = pair
    everything = np.ones(x.shape, bool)
    assert math.isclose(mae(x, y), mae(x, y, mask=everything), rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(mse(x, y), mse(x, y, mask=everything), rel_tol=1e-12, abs_tol=1e-12)


@FEW
@given(pairs(), st.integers(0, 2**31))
def test_a_mask_splits_the_mean(pair: tuple[Image, Image], seed: int) -> None:
    x, y = pair
    mask = np.random.default_rng(seed).random(x.shape) > 0.5
    parts = [(part, part.mean()) for part in (mask, ~mask) if part.any()]
    assert math.isclose(
        sum(mae(x, y, mask=part) * share for part, share in parts), mae(x, y), rel_tol=1e-9, abs_tol=1e-9
    )


@FEW
@given(pairs(), st.permutations([0, 1, 2]), st.integers(0, 2))
def test_flips_and_permutations_change_nothing(
    pair: tuple[Image, Image], order: list[int], axis: int
) -> None:
    x, y = pair
    kept = [a for a in order if a < x.ndim]
    moved = [np.flip(image.transpose(kept), axis % x.ndim) for image in pair]
    assert math.isclose(ssim(x, y, data_range=4000), ssim(moved[0], moved[1], data_range=4000), abs_tol=1e-9)
    assert math.isclose(mse(x, y), mse(moved[0], moved[1]), rel_tol=1e-9, abs_tol=1e-9)


@FEW
@given(pairs(), st.floats(0.5, 100))
def test_psnr_and_ssim_do_not_depend_on_the_unit(pair: tuple[Image, Image], factor: float) -> None:
    x, y = pair
    one, other = psnr(x, y, data_range=4000), psnr(x * factor, y * factor, data_range=4000 * factor)
    assert one == other or math.isclose(one, other, abs_tol=1e-6)
    scaled = ssim(x * factor, y * factor, data_range=4000 * factor)
    assert math.isclose(ssim(x, y, data_range=4000), scaled, abs_tol=1e-9)


@FEW
@given(pairs(), st.floats(1, 1000))
def test_a_wider_range_raises_psnr_by_its_ratio(pair: tuple[Image, Image], factor: float) -> None:
    x, y = pair
    one, other = psnr(x, y, data_range=10), psnr(x, y, data_range=10 * factor)
    assert one == other == math.inf or math.isclose(other - one, 20 * math.log10(factor), abs_tol=1e-9)


@FEW
@given(st.integers(0, 2), st.integers(0, 2**31), st.floats(0.01, 0.99))
def test_every_slice_is_used_or_excluded(axis: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.random((2, 6, 5, 7))
    mask = rng.random(x.shape) < share**4
    mask[2, 2, 2] = True
    got = slice_ssim(x, y, axis=axis, data_range=1, mask=mask)
    others = tuple(other for other in range(3) if other != axis)
    assert got.n_used == len(got.values) == int(mask.any(axis=others).sum())
    assert got.n_used + got.excluded == x.shape[axis]
