"""MS-SSIM of images and volumes, with as many levels as the size holds.

Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import correlate1d

from transmodal.errors import UsageError
from transmodal.metrics.checks import Array, Float, Mask, check_pair, check_range
from transmodal.metrics.metric import Dims, Metric
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.slices import SliceMean, over_slices
from transmodal.metrics.suite import ssim
from transmodal.metrics.suite.ssim import K1, K2, TAPS, gaussian, window

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al., section 3.2
DEFINITION = f"Wang 2003, {ssim.DEFINITION}"


def levels_of(shape: tuple[int, ...]) -> int:
    """Return how many levels, up to 5, leave 11 voxels along the shortest axis; at least 1.

    An axis of one voxel does not count: a volume of one slice has the levels of its slice.
    """
    shortest = min((n for n in shape if n > 1), default=1)
    levels = 1
    while levels < len(WEIGHTS) and -(-shortest // 2) >= TAPS:
        shortest = -(-shortest // 2)
        levels += 1
    return levels


def ms_ssim(
    reference: Array,
    synthetic: Array,
    *,
    data_range: float,
    mask: Mask | None = None,
    levels: int | None = None,
    colour: bool = False,
) -> float:
    """Return the multi-scale structural similarity of two images or volumes.

    Unit 1, 0 to 1, higher is better. The product over levels of the mean contrast-and-structure term, and at
    the coarsest level of the mean SSIM, each to its weight; a negative mean counts as 0. Fewer levels than 5
    take the first weights, renormalised: one level is `ssim`. Between levels blocks of two voxels per axis
    are averaged, an odd last voxel by itself.

    Whole images are averaged where the window lies inside. With a mask every window and block counts the
    mask's voxels only (weights renormalised), so what is outside does not matter at all; `ssim` looks a
    window's radius out of the mask, and differs by that.

    Args:
        reference: the target as measured, `(H, W)` or `(I, J, K)`, with a last axis of channels in colour.
        synthetic: the translator's image, of the same shape.
        data_range: width of the range of possible values, fixed by the protocol.
        mask: bool, of the spatial shape; None takes the whole image.
        levels: 1 to 5; None takes `levels_of` the shape. Five fit from 161 voxels on.
        colour: whether the last axis holds channels; their figures are averaged.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
        UsageError: E001 for a data range that is not positive, E004 for more levels than the size holds.
    """
    check_pair(reference, synthetic, mask)
    check_range(data_range)
    shape = reference.shape[: reference.ndim - colour]
    weights = _weights(shape, levels)
    if colour:
        channels = [(reference[..., c], synthetic[..., c]) for c in range(reference.shape[-1])]
    else:
        channels = [(reference, synthetic)]
    figures = [_ms_ssim(_Level.of(x, y, mask), data_range, weights) for x, y in channels]
    return float(np.mean(figures))


class _Level(NamedTuple):
    """Both images at one level; `weight` is 1 inside the mask and 0 outside, and the images are 0 there."""

    reference: Float
    synthetic: Float
    weight: Float
    masked: bool

    @classmethod
    def of(cls, reference: Array, synthetic: Array, mask: Mask | None) -> _Level:
        weight = np.ones(reference.shape) if mask is None else mask.astype(np.float64)
        x, y = np.asarray(reference, np.float64) * weight, np.asarray(synthetic, np.float64) * weight
        return cls(x, y, weight, mask is not None)

    def halve(self) -> _Level:
        x, y, weight = (_block_sums(values) for values in (self.reference, self.synthetic, self.weight))
        inside = weight > 0
        weight[~inside] = 1
        return _Level(x / weight, y / weight, inside.astype(np.float64), self.masked)


def _weights(shape: tuple[int, ...], levels: int | None) -> Float:
    fitting = levels_of(shape)
    n_levels = fitting if levels is None else levels
    if not 1 <= n_levels <= fitting:
        raise UsageError(
            "E004",
            f"{n_levels} levels for an image of {'x'.join(map(str, shape))}",
            f"1 to {fitting}",
            "Leave the levels out: they follow the size.",
        )
    weights = np.array(WEIGHTS[:n_levels])
    normalised: Float = weights / weights.sum()
    return normalised


def _ms_ssim(level: _Level, data_range: float, weights: Float) -> float:
    product = 1.0
    for number, weight in enumerate(weights):
        if number:
            level = level.halve()
        luminance, structure = _maps(level, data_range)
        last = number == len(weights) - 1
        mean = float((luminance * structure if last else structure).mean())
        product *= max(mean, 0.0) ** weight
    return product


def _maps(level: _Level, data_range: float) -> tuple[Float, Float]:
    """Return luminance and contrast-times-structure where they count: the mask, or the interior."""
    x, y, weight, masked = level
    taps = window(weight.shape)
    mass = _window_sums(weight, taps)
    if masked:
        counts = weight > 0
    else:
        counts = np.zeros(weight.shape, bool)
        counts[tuple(slice(t // 2, n - t // 2) for t, n in zip(taps, weight.shape, strict=True))] = True
    mass = mass[counts]
    mean_x, mean_y = (_window_sums(values, taps)[counts] / mass for values in (x, y))
    square, product = (_window_sums(values, taps)[counts] / mass for values in (x * x + y * y, x * y))
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    means = mean_x**2 + mean_y**2
    luminance = (2 * mean_x * mean_y + c1) / (means + c1)
    structure = (2 * (product - mean_x * mean_y) + c2) / (square - means + c2)
    return luminance, structure


def _window_sums(values: Float, taps: tuple[int, ...]) -> Float:
    for axis, n in enumerate(taps):
        if n > 1:
            values = correlate1d(values, gaussian(n), axis=axis, mode="constant")
    return values


def _block_sums(values: Float) -> Float:
    """Add up blocks of two voxels along every axis; the last of an odd number stands alone."""
    for axis, n in enumerate(values.shape):
        if n > 1:
            values = np.add.reduceat(values, np.arange(0, n, 2), axis=axis)
    return values


def _of_volume(pair: ImagePair) -> float:
    return ms_ssim(*pair.above_background, data_range=pair.data_range, mask=pair.mask, colour=pair.is_colour)


def _of_slices(pair: ImagePair) -> SliceMean:
    def measure(reference: Array, synthetic: Array, mask: Mask | None) -> float:
        return ms_ssim(reference, synthetic, data_range=pair.data_range, mask=mask, colour=pair.is_colour)

    return over_slices(measure, *pair.above_background, axis=pair.axis, mask=pair.mask)


def _detail(pair: ImagePair, dims: Dims) -> str:
    shape = pair.shape if dims == 3 else pair.slice_shape
    return f"window {'x'.join(map(str, window(shape)))}, levels {levels_of(shape)}"


METRICS = (Metric("ms_ssim", "1", "higher", _of_volume, _of_slices, definition=DEFINITION, detail=_detail),)
