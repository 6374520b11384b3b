from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics import gaussian as structure
from transmodal.metrics.gaussian import window
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.suite.ssim import DEFINITION, METRICS, measure_both, slice_ssim, ssim


def _pair(*shape: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    reference = rng.random(shape).cumsum(axis=0) / shape[0]
    return reference, reference + 0.1 * rng.normal(size=shape)


def _map_by_hand(x: NDArray[np.float64], y: NDArray[np.float64], data_range: float) -> NDArray[np.float64]:
    """Write the SSIM map of two images down, voxel by voxel, mirrored at the border."""
    radii = [taps // 2 for taps in window(x.shape)]
    weights = np.ones(())
    for radius in radii:
        one = np.exp(-0.5 * (np.arange(-radius, radius + 1) / 1.5) ** 2)
        weights = np.multiply.outer(weights, one / one.sum())
    wide_x, wide_y = (np.pad(image, [(r, r) for r in radii], mode="symmetric") for image in (x, y))
    result = np.empty(x.shape)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    for place in np.ndindex(x.shape):
        box = tuple(slice(i, i + 2 * r + 1) for i, r in zip(place, radii, strict=True))
        a, b = wide_x[box], wide_y[box]
        mx, my = (weights * a).sum(), (weights * b).sum()
        vx, vy = (weights * (a - mx) ** 2).sum(), (weights * (b - my) ** 2).sum()
        cov = (weights * (a - mx) * (b - my)).sum()
        result[place] = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return result


@pytest.mark.parametrize("shape", [(13, 17), (11, 30), (5, 21), (12, 13, 14), (15, 4, 1)])
def test_whole_is_the_mean_over_the_interior(shape: tuple[int, ...]) -> None:
    x, y = _pair(*shape)
    interior = tuple(slice(t // 2, n - t // 2) for t, n in zip(window(shape), shape, strict=True))
    expected = _map_by_hand(x, y, 1.3)[interior].mean()
    assert ssim(x, y, data_range=1.3) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shape", [(13, 17), (5, 21), (12, 13, 14)])
def test_mask_is_the_mean_over_the_mirrored_map(shape: tuple[int, ...]) -> None:
    x, y = _pair(*shape)
    mask = np.random.default_rng(3).random(shape) > 0.7
    mask[0], mask[-1] = True, False
    assert ssim(x, y, data_range=0.7, mask=mask) == pytest.approx(
        _map_by_hand(x, y, 0.7)[mask].mean(), abs=1e-12
    )


def test_a_small_mask_is_cut_out_without_a_difference() -> None:
    x, y = _pair(25, 33, 21)
    mask = np.zeros(x.shape, bool)
    mask[12:14, 15, 9:11] = True
    whole_map = np.zeros(x.shape)
    whole_map[12:14, 15, 9:11] = _map_by_hand(x[5:21, 7:24, 2:18], y[5:21, 7:24, 2:18], 1.0)[7:9, 8, 7:9]
    assert ssim(x, y, data_range=1, mask=mask) == pytest.approx(whole_map[mask].mean(), abs=1e-12)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _pair(61, 19, 23)
    mask = np.random.default_rng(1).random(x.shape) > 0.5
    at_once = [ssim(x, y, data_range=1), ssim(x, y, data_range=1, mask=mask)]
    for limit in ("_BLOCK", "_WHOLE"):
        monkeypatch.setattr(structure, limit, 1)
    assert [ssim(x, y, data_range=1), ssim(x, y, data_range=1, mask=mask)] == pytest.approx(
        at_once, abs=1e-13
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_images_of_their_own(axis: int) -> None:
    x, y = _pair(14, 16, 18)
    got = slice_ssim(x, y, axis=axis, data_range=1)
    expected = [ssim(x.take(i, axis), y.take(i, axis), data_range=1) for i in range(x.shape[axis])]
    assert got.values == pytest.approx(expected, abs=1e-12)
    assert got.mean == pytest.approx(float(np.mean(expected)))
    assert (got.n_used, got.excluded) == (x.shape[axis], 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_without_mask_are_left_out_and_counted(axis: int) -> None:
    x, y = _pair(14, 16, 18)
    mask = np.zeros(x.shape, bool)
    mask[3:7, 5:14, 12:17] = np.random.default_rng(2).random((4, 9, 5)) > 0.4
    mask[3, 5, 16] = True
    mask[5] = mask[:, 7] = mask[:, :, 14] = False
    got = slice_ssim(x, y, axis=axis, data_range=1, mask=mask)
    expected = [
        ssim(x.take(i, axis), y.take(i, axis), data_range=1, mask=mask.take(i, axis))
        for i in range(x.shape[axis])
        if mask.take(i, axis).any()
    ]
    assert got.values == pytest.approx(expected, abs=1e-12)
    assert got.n_used == len(expected)
    assert got.excluded == x.shape[axis] - len(expected) > 0


def test_colour_is_the_mean_over_channels() -> None:
    x, y = _pair(12, 13, 14, 3)
    mask = np.random.default_rng(2).random(x.shape[:3]) > 0.4
    channels = range(3)
    whole = np.mean([ssim(x[..., c], y[..., c], data_range=1) for c in channels])
    masked = np.mean([ssim(x[..., c], y[..., c], data_range=1, mask=mask) for c in channels])
    sliced = np.mean(
        [slice_ssim(x[..., c], y[..., c], axis=1, data_range=1, mask=mask).mean for c in channels]
    )
    assert ssim(x, y, data_range=1, colour=True) == pytest.approx(whole, abs=1e-12)
    assert ssim(x, y, data_range=1, mask=mask, colour=True) == pytest.approx(masked, abs=1e-12)
    assert slice_ssim(x, y, axis=1, data_range=1, mask=mask).mean == pytest.approx(sliced, abs=1e-12)


def test_the_window_shrinks_to_the_largest_odd_number() -> None:
    assert window((40, 11, 10, 3, 2, 1)) == (11, 11, 9, 3, 1, 1)


def test_identical_images_are_one() -> None:
    x, _ = _pair(20, 21)
    assert ssim(x, x.copy(), data_range=1) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, -1024.0, 3000.0])
def test_constants_are_defined(value: float) -> None:
    flat = np.full((12, 12, 12), value)
    assert ssim(flat, flat.copy(), data_range=4024) == pytest.approx(1, abs=1e-6)
    other = ssim(flat, flat + 100, data_range=4024)
    assert math.isfinite(other)
    assert other < 1


def test_integers_are_taken_as_they_are() -> None:
    x, y = _pair(15, 15)
    x, y = np.rint(x * 255), np.clip(np.rint(y * 255), 0, 255)
    as_bytes = ssim(x.clip(0, 255).astype(np.uint8), y.astype(np.uint8), data_range=255)
    assert as_bytes == pytest.approx(ssim(x.clip(0, 255), y, data_range=255), abs=1e-12)


def test_bad_input_is_refused() -> None:
    x, y = _pair(12, 12)
    with pytest.raises(InputError, match="one shape"):
        ssim(x, y[1:], data_range=1)
    with pytest.raises(InputError, match="mask") as caught:
        ssim(x, y, data_range=1, mask=np.zeros(x.shape, bool))
    assert caught.value.code == "E124"
    with pytest.raises(UsageError, match="data range"):
        ssim(x, y, data_range=0)
    y[3, 3] = np.nan
    with pytest.raises(InputError, match="not finite"):
        ssim(x, y, data_range=1)


def test_the_metric_counts_from_the_background_inside_the_mask() -> None:
    x, y = _pair(14, 15, 16)
    mask = np.random.default_rng(4).random(x.shape) > 0.5
    pair = ImagePair(x - 1024, y - 1024, 4.0, "HU", (1, 1, 1), axis=1, mask=mask, background=-1024)
    (metric,) = METRICS
    assert (metric.name, metric.unit, metric.best, metric.decimals, metric.dims) == (
        "ssim",
        "1",
        "higher",
        3,
        (3, 2),
    )
    assert metric.window is window
    assert DEFINITION == "Gaussian sigma 1.5, values counted from the background"
    assert metric.in_3d is not None
    assert metric.in_2d is not None
    assert metric.in_3d(pair) == pytest.approx(ssim(x, y, data_range=4.0, mask=mask), abs=1e-9)
    sliced = slice_ssim(x, y, axis=1, data_range=4.0, mask=mask)
    assert metric.in_2d(pair).values == pytest.approx(sliced.values, abs=1e-9)
    colour = ImagePair(*(np.stack([a, a * 0.5, a * 2], -1) for a in (x, y)), 2.0, "1", (1, 1, 1), mask=mask)
    channels = [ssim(x * s, y * s, data_range=2.0, mask=mask) for s in (1, 0.5, 2)]
    assert metric.in_3d(colour) == pytest.approx(np.mean(channels), abs=1e-9)


@pytest.mark.parametrize("at_border", [False, True])
@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_one_pass_gives_the_figures_of_the_mask_and_of_the_whole(
    at_border: bool, axis: int, channels: tuple[int, ...]
) -> None:
    x, y = _pair(21, 24, 19, *channels)
    mask = np.zeros(x.shape[:3], bool)
    mask[6:15, 7:16, 8:12] = True
    mask[10, 10, 10] = False
    if at_border:
        mask[0, 3, 17] = True
    pair = ImagePair(x, y, 0.9, "HU", (1, 1, 1), axis, mask, background=-2)
    both = measure_both(pair)
    for region, part in ((both.inside, mask), (both.whole, None)):
        images = pair.above_background
        figure = ssim(*images, data_range=0.9, mask=part, colour=bool(channels))
        slices = slice_ssim(*images, axis=axis, data_range=0.9, mask=part)
        assert region.in_3d == pytest.approx(figure, rel=1e-13)
        assert region.in_2d.values == pytest.approx(slices.values, rel=1e-13)
        assert region.in_2d[2:] == slices[2:]
    assert both.inside.in_3d != both.whole.in_3d
