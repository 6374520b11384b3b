"""SSIM of images, volumes and their slices: scikit-image's Gaussian form, quicker.

Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13(4), 2004.
Gaussian window of 11 taps and sigma 1.5 per axis, K1 0.01, K2 0.03, population statistics. Two border rules:

- whole image: the mean over the interior, where the window lies inside the image (`interior`);
- mask: the mean over all the mask's voxels of the map that mirrors the image at its border (`mirrored`).

An axis shorter than 11 voxels takes the largest odd window that fits.

The two rules have one map where the window lies inside the image, so that a volume with a mask takes one pass for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from transmodal.metrics.checks import Array, Float, Mask, check_pair, check_range
from transmodal.metrics.gaussian import SIGMA, Kernels, filter_moments, gaussian, window
from transmodal.metrics.metric import BothRegions, Metric, PairFigures
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.slices import SliceMean

K1, K2 = 0.01, 0.03
DEFINITION = f"Gaussian sigma {SIGMA:g}, values counted from the background"


def ssim(
    reference: Array, synthetic: Array, *, data_range: float, mask: Mask | None = None, colour: bool = False
) -> float:
    """Return the structural similarity of two images or volumes, at most 1.

    Args:
        reference: the target as measured, `(H, W)` or `(I, J, K)`, with a last axis of channels in colour.
        synthetic: the translator's image, of the same shape.
        data_range: width of the range of possible values, fixed by the protocol.
        mask: bool, of the spatial shape; None takes the interior of the whole image.
        colour: whether the last axis holds channels; their figures are averaged.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
        UsageError: E001 for a data range that is not positive and finite.
    """
    axes = tuple(range(reference.ndim - colour))
    return _mean(_sums(_Pair(reference, synthetic, mask), axes, data_range))


def slice_ssim(
    reference: Array,
    synthetic: Array,
    *,
    axis: int,
    data_range: float,
    mask: Mask | None = None,
) -> SliceMean:
    """Return the 2D structural similarity of a volume's slices, and its mean over slices.

    Args:
        reference: the target as measured, `(I, J, K)` or `(I, J, K, 3)` in colour.
        synthetic: the translator's image, of the same shape.
        axis: the axis that is sliced, 0 to 2.
        data_range: width of the range of possible values, fixed by the protocol.
        mask: bool `(I, J, K)`; slices without a voxel in it are excluded and counted.

    Raises:
        InputError: as `ssim`.
        UsageError: as `ssim`.
    """
    return _slice_mean(
        _sums(_Pair(reference, synthetic, mask), _plane_axes(axis), data_range), reference.shape[axis]
    )


def measure_both(pair: ImagePair) -> BothRegions:
    """Return what `ssim` and `slice_ssim` give inside a pair's mask and of the whole, in a pass for the volume and one for slices.

    Raises:
        InputError, UsageError: as `ssim`.
    """
    assert pair.mask is not None
    images = _Pair(*pair.above_background, pair.mask)
    n = pair.shape[pair.axis]
    inside, whole = _sums_of_both(images, (0, 1, 2), pair.data_range)
    inside_planes, whole_planes = _sums_of_both(images, _plane_axes(pair.axis), pair.data_range)
    return BothRegions(
        PairFigures(_mean(inside), _slice_mean(inside_planes, n)),
        PairFigures(_mean(whole), _slice_mean(whole_planes, n)),
    )


def similarity(moments: Float, data_range: float) -> Float:
    """Return the SSIM map of a block of `gaussian.filter_moments`, which is overwritten."""
    numerator, denominator = compare_structure(moments, data_range)
    squares, differences = moments[:, 0], moments[:, 1]
    squares += 2 * (K1 * data_range) ** 2
    _subtract_and_add(squares, differences)
    numerator *= differences
    denominator *= squares
    numerator /= denominator
    return numerator


def compare_structure(moments: Float, data_range: float) -> tuple[Float, Float]:
    """Return numerator and denominator of SSIM's contrast-and-structure; the two means become their squares.

    With the variances of the sum and of the difference, `V` and `W`, twice the covariance is `(V - W) / 2`, and the sum
    of the images' variances `(V + W) / 2`.

    Args:
        moments: a block of `gaussian.filter_moments`, overwritten.
        data_range: width of the range of possible values.
    """
    mean_sum, mean_difference, variance_sum, variance_difference = (moments[:, k] for k in range(4))
    mean_sum *= mean_sum
    mean_difference *= mean_difference
    variance_sum -= mean_sum
    variance_difference -= mean_difference
    variance_sum += 2 * (K2 * data_range) ** 2
    _subtract_and_add(variance_sum, variance_difference)
    return variance_difference, variance_sum


def _subtract_and_add(a: Float, b: Float) -> None:
    """Put `a - b` in the place of `b`, then `a + b` in that of `a`, without fresh memory."""
    np.subtract(a, b, out=b)
    a *= 2
    a -= b


class _Pair(NamedTuple):
    reference: Array
    synthetic: Array
    mask: Mask | None


class _Sums(NamedTuple):
    """Sums of the SSIM map over some axes, and the numbers of voxels, both over the remaining axes."""

    sums: Float
    counts: Float


def _mean(sums: _Sums) -> float:
    return float((sums.sums / sums.counts).mean())


def _slice_mean(sums: _Sums, n: int) -> SliceMean:
    has_voxels = sums.counts.reshape(len(sums.counts), -1)[:, 0] > 0
    means = sums.sums[has_voxels] / sums.counts[has_voxels]
    values = means.reshape(int(has_voxels.sum()), -1).mean(axis=1)
    return SliceMean(float(values.mean()), values, len(values), n - len(values))


def _plane_axes(axis: int) -> tuple[int, ...]:
    return tuple(plane_axis for plane_axis in range(3) if plane_axis != axis)


def _kernels(pair: _Pair, axes: tuple[int, ...], data_range: float) -> Kernels:
    """Return the window by axis, of a pair that can be compared."""
    check_pair(*pair)
    check_range(data_range)
    sizes = window(pair.reference.shape)
    return {axis: gaussian(sizes[axis]) for axis in axes}


def _sums(pair: _Pair, axes: tuple[int, ...], data_range: float) -> _Sums:
    """Sum the SSIM map over `axes`."""
    kernels = _kernels(pair, axes, data_range)
    if pair.mask is not None:
        pair = _mirror(_crop_to_mask(pair, kernels), kernels)
    return _sum_map(pair, [pair.mask], axes, kernels, data_range)[0]


def _sums_of_both(pair: _Pair, axes: tuple[int, ...], data_range: float) -> tuple[_Sums, _Sums]:
    """Sum the SSIM map over `axes`, inside the mask and over the interior; the map is made once."""
    assert pair.mask is not None
    kernels = _kernels(pair, axes, data_range)
    interior = tuple(_interior(n, axis, kernels) for axis, n in enumerate(pair.mask.shape))
    if np.count_nonzero(pair.mask[interior]) == np.count_nonzero(
        pair.mask
    ):  # no voxel needs a mirrored border
        inside, whole = _sum_map(pair, [pair.mask[interior], None], axes, kernels, data_range)
        return inside, whole
    everywhere = np.zeros(pair.mask.shape, bool)
    everywhere[interior] = True
    inside, whole = _sum_map(_mirror(pair, kernels), [pair.mask, everywhere], axes, kernels, data_range)
    return inside, whole


def _interior(n: int, axis: int, kernels: Kernels) -> slice:
    radius = len(kernels[axis]) // 2 if axis in kernels else 0
    return slice(radius, n - radius)


def _sum_map(
    pair: _Pair, masks: Sequence[Mask | None], axes: tuple[int, ...], kernels: Kernels, data_range: float
) -> list[_Sums]:
    """Sum the SSIM map over `axes` once for each mask, which has the map's shape; None takes all of it."""
    parts: list[list[_Sums]] = [[] for _ in masks]
    for start, moments in filter_moments(pair[:2], kernels):
        block = similarity(moments, data_range)
        for part, mask in zip(parts, masks, strict=True):
            part.append(_reduce(block, None if mask is None else mask[start : start + len(block)], axes))
    return [_join(part, is_summed=0 in axes) for part in parts]


def _join(blocks: Sequence[_Sums], *, is_summed: bool) -> _Sums:
    sums, counts = [block.sums for block in blocks], [block.counts for block in blocks]
    if is_summed:
        return _Sums(np.sum(sums, axis=0), np.sum(counts, axis=0))
    return _Sums(np.concatenate(sums), np.concatenate(counts))


def _reduce(block: Float, mask: Mask | None, axes: tuple[int, ...]) -> _Sums:
    if mask is None:
        sums = block.sum(axis=axes)
        return _Sums(sums, np.full(sums.shape, block.size / sums.size))
    weights = mask if mask.ndim == block.ndim else mask[..., None]
    sums = (block * weights).sum(axis=axes)
    return _Sums(sums, np.broadcast_to(weights.sum(axis=axes, dtype=np.float64), sums.shape))


def _crop_to_mask(pair: _Pair, kernels: Kernels) -> _Pair:
    """Cut away what no window of a mask voxel reaches, and slices without one."""
    assert pair.mask is not None
    box = []
    for axis in range(pair.mask.ndim):
        across = tuple(across_axis for across_axis in range(pair.mask.ndim) if across_axis != axis)
        inside = np.flatnonzero(pair.mask.any(axis=across))
        radius = len(kernels[axis]) // 2 if axis in kernels else 0
        box.append(slice(max(0, int(inside[0]) - radius), int(inside[-1]) + radius + 1))
    place = tuple(box)
    return _Pair(pair.reference[place], pair.synthetic[place], pair.mask[place])


def _mirror(pair: _Pair, kernels: Kernels) -> _Pair:
    """Mirror the images at their borders, so that the map has the mask's shape."""
    ndim = pair.reference.ndim
    width = [(len(kernels[axis]) // 2,) * 2 if axis in kernels else (0, 0) for axis in range(ndim)]
    return _Pair(
        np.pad(pair.reference, width, mode="symmetric"),
        np.pad(pair.synthetic, width, mode="symmetric"),
        pair.mask,
    )


def _of_volume(pair: ImagePair) -> float:
    return ssim(*pair.above_background, data_range=pair.data_range, mask=pair.mask, colour=pair.is_colour)


def _of_slices(pair: ImagePair) -> SliceMean:
    return slice_ssim(*pair.above_background, axis=pair.axis, data_range=pair.data_range, mask=pair.mask)


METRICS = (
    Metric("ssim", "1", "higher", _of_volume, _of_slices, window=window, decimals=3, in_both=measure_both),
)
