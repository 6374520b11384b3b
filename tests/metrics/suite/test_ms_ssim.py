from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import convolve2d

from transmodal.errors import InputError, UsageError
from transmodal.metrics.suite.ms_ssim import WEIGHTS, levels_of, ms_ssim, slice_ms_ssim
from transmodal.metrics.suite.ssim import ssim

Image = NDArray[np.float64]


def _pair(*shape: int) -> tuple[Image, Image]:
    rng = np.random.default_rng(sum(shape))
    reference = rng.random(shape).cumsum(axis=0) / shape[0]
    return reference, reference + 0.1 * rng.normal(size=shape)


@pytest.mark.parametrize(
    ("shape", "levels"),
    [
        ((5, 40), 1),
        ((21, 40), 2),
        ((20, 20), 1),
        ((41, 50), 3),
        ((161, 200), 5),
        ((160, 200), 4),
        ((300, 300), 5),
    ],
)
def test_levels_follow_the_size(shape: tuple[int, ...], levels: int) -> None:
    assert levels_of(shape) == levels
    assert levels_of((*shape, 1)) == levels


def _halves(x: Image) -> Image:
    """Average blocks of 2 by 2 of an even image."""
    halved: Image = x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2).mean(axis=(1, 3))
    return halved


def _terms_by_hand(x: Image, y: Image) -> tuple[Image, Image]:
    one = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    kernel = np.outer(one, one) / one.sum() ** 2

    def smooth(z: Image) -> Image:
        result: Image = convolve2d(z, kernel, mode="valid")
        return result

    mx, my = smooth(x), smooth(y)
    vx, vy, cov = smooth(x * x) - mx**2, smooth(y * y) - my**2, smooth(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mx * my + c1) / (mx**2 + my**2 + c1), (2 * cov + c2) / (vx + vy + c2)


def test_three_levels_are_wangs_product() -> None:
    x, y = _pair(48, 60)
    expected, weights = 1.0, np.array(WEIGHTS[:3]) / sum(WEIGHTS[:3])
    for weight in weights[:-1]:
        expected *= _terms_by_hand(x, y)[1].mean() ** weight
        x, y = _halves(x), _halves(y)
    luminance, structure = _terms_by_hand(x, y)
    expected *= (luminance * structure).mean() ** weights[-1]
    assert ms_ssim(*_pair(48, 60), data_range=1) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shape", [(19, 23), (8, 30), (13, 12, 14)])
def test_one_level_is_ssim(shape: tuple[int, ...]) -> None:
    x, y = _pair(*shape)
    assert ms_ssim(x, y, data_range=1, levels=1) == pytest.approx(ssim(x, y, data_range=1), abs=1e-12)


def test_a_volume_of_one_slice_is_its_slice() -> None:
    x, y = _pair(45, 47, 1)
    assert ms_ssim(x, y, data_range=1) == pytest.approx(
        ms_ssim(x[..., 0], y[..., 0], data_range=1), abs=1e-12
    )


def test_odd_sizes_and_volumes() -> None:
    x, y = _pair(23, 25, 22)
    noisier = x + 3 * (y - x)
    assert levels_of(x.shape) == 2
    assert 1 > ms_ssim(x, y, data_range=1) > ms_ssim(x, noisier, data_range=1) > 0


def test_a_mask_hides_all_that_is_outside() -> None:
    x, y = _pair(43, 45)
    mask = np.zeros(x.shape, bool)
    mask[7:30, 5:20] = True
    value = ms_ssim(x, y, data_range=1, mask=mask)
    for outside in (0.0, -1e3, 1e6):
        moved = [np.where(mask, image, outside * (number + 1)) for number, image in enumerate((x, y))]
        assert ms_ssim(moved[0], moved[1], data_range=1, mask=mask) == pytest.approx(value, abs=1e-9)
    assert value != pytest.approx(ms_ssim(x, y, data_range=1), abs=1e-4)


def test_colour_is_the_mean_of_the_channels() -> None:
    x, y = _pair(24, 26, 3)
    expected = np.mean([ms_ssim(x[..., c], y[..., c], data_range=1) for c in range(3)])
    assert ms_ssim(x, y, data_range=1, colour=True) == pytest.approx(expected)


def test_constant_images_compare_their_luminance() -> None:
    x = np.full((50, 50), 0.4)
    weights = np.array(WEIGHTS[:3]) / sum(WEIGHTS[:3])
    luminance = (2 * 0.4 * 0.8 + 1e-4) / (0.4**2 + 0.8**2 + 1e-4)
    assert ms_ssim(x, x, data_range=1) == pytest.approx(1)
    assert ms_ssim(x, 2 * x, data_range=1) == pytest.approx(luminance ** weights[-1], abs=1e-9)


def test_an_inverted_image_scores_zero() -> None:
    x = np.random.default_rng(0).normal(size=(48, 48))
    assert ms_ssim(x, -x, data_range=1) == 0


def test_what_has_no_answer_is_refused_by_name() -> None:
    x, _ = _pair(43, 45)
    for levels in (0, 4):
        with pytest.raises(UsageError, match=f"{levels} levels for an image of 43x45; expected 1 to 3"):
            ms_ssim(x, x, data_range=1, levels=levels)
    with pytest.raises(UsageError, match="data range"):
        ms_ssim(x, x, data_range=0)
    with pytest.raises(InputError, match="no voxels"):
        ms_ssim(x, x, data_range=1, mask=np.zeros(x.shape, bool))
    with pytest.raises(InputError, match="not finite"):
        ms_ssim(x, x * np.nan, data_range=1)
    with pytest.raises(InputError, match="one shape"):
        ms_ssim(x, x[1:], data_range=1)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colour"])
@pytest.mark.parametrize("masked", [False, True])
def test_slices_are_images_of_their_own(axis: int, channels: tuple[int, ...], masked: bool) -> None:
    x, y = _pair(23, 25, 22, *channels)
    mask = np.random.default_rng(1).random(x.shape[:3]) > 0.4 if masked else None
    if mask is not None:
        mask[:4] = mask[:, :, :7] = False
    slices = slice_ms_ssim(x, y, axis=axis, data_range=1, mask=mask)
    expected = [
        ms_ssim(
            x.take(i, axis),
            y.take(i, axis),
            data_range=1,
            mask=None if mask is None else mask.take(i, axis),
            colour=bool(channels),
        )
        for i in range(x.shape[axis])
        if mask is None or mask.take(i, axis).any()
    ]
    assert slices.values == pytest.approx(expected, abs=1e-12)
    assert slices.mean == pytest.approx(float(np.mean(expected)))
    assert (slices.n_used, slices.excluded) == (len(expected), x.shape[axis] - len(expected))


def test_a_mask_counts_where_its_blocks_lie_in_the_whole_image() -> None:
    """Cutting to the mask's box must not move the blocks that are averaged."""
    x, y = _pair(48, 49)
    mask = np.zeros(x.shape, bool)
    mask[9:41, 13:40] = True
    values, weights = [], np.array(WEIGHTS[:3]) / sum(WEIGHTS[:3])
    weight = mask.astype(float)
    for level in range(3):
        values.append(_mean_by_hand(x * weight, y * weight, weight, is_last=level == 2))
        sums = [
            np.add.reduceat(np.add.reduceat(z, np.arange(0, len(z), 2), 0), np.arange(0, z.shape[1], 2), 1)
            for z in (x * weight, y * weight, weight)
        ]
        weight = (sums[2] > 0).astype(float)
        x, y = (z / np.maximum(sums[2], 1) for z in sums[:2])
    expected = float(np.prod(np.array(values) ** weights))
    assert ms_ssim(*_pair(48, 49), data_range=1, mask=mask) == pytest.approx(expected, abs=1e-12)


def _mean_by_hand(x: Image, y: Image, weight: Image, *, is_last: bool) -> float:
    one = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    kernel = np.outer(one, one) / one.sum() ** 2
    mass = np.maximum(convolve2d(weight, kernel, mode="same"), 1e-300)
    mx, my, xx, yy, xy = (convolve2d(z, kernel, mode="same") / mass for z in (x, y, x * x, y * y, x * y))
    terms = (2 * (xy - mx * my) + 9e-4) / (xx - mx**2 + yy - my**2 + 9e-4)
    if is_last:
        terms = terms * (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
    return float(terms[weight > 0].mean())
