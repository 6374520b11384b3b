"""MS-SSIM of images and volumes, with as many levels as the size holds.

Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from transmodal.errors import UsageError
from transmodal.metrics.checks import Array, Float, Mask, check_pair, check_range
from transmodal.metrics.gaussian import TAPS, Kernels, filter_moments, gaussian, window
from transmodal.metrics.metric import Dims, Metric
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.slices import SliceMean
from transmodal.metrics.suite import ssim
from transmodal.metrics.suite.ssim import compare_structure, similarity

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
    axes = tuple(range(reference.ndim - colour))
    return float(_products(reference, synthetic, mask, axes, data_range, levels).mean())


def slice_ms_ssim(
    reference: Array, synthetic: Array, *, axis: int, data_range: float, mask: Mask | None = None
) -> SliceMean:
    """Return the multi-scale structural similarity of a volume's slices, and its mean over slices.

    Args:
        reference: the target as measured, `(I, J, K)` or `(I, J, K, 3)` in colour.
        synthetic: the translator's image, of the same shape.
        axis: the axis that is sliced, 0 to 2.
        data_range: width of the range of possible values, fixed by the protocol.
        mask: bool `(I, J, K)`; slices without a voxel in it are excluded and counted.

    Raises:
        InputError: as `ms_ssim`.
        UsageError: as `ms_ssim`.
    """
    check_pair(reference, synthetic, mask)
    axes = tuple(plane_axis for plane_axis in range(3) if plane_axis != axis)
    n = reference.shape[axis]
    if mask is not None:
        slices = np.flatnonzero(mask.any(axis=axes))
        reference, synthetic, mask = (image.take(slices, axis) for image in (reference, synthetic, mask))
    values = _products(reference, synthetic, mask, axes, data_range).reshape(reference.shape[axis], -1)
    per_slice: Float = values.mean(axis=1)
    return SliceMean(float(per_slice.mean()), per_slice, len(per_slice), n - len(per_slice))


def _products(
    reference: Array,
    synthetic: Array,
    mask: Mask | None,
    axes: tuple[int, ...],
    data_range: float,
    levels: int | None = None,
) -> Float:
    """Return the products over levels, over the axes that are not among `axes`: slices and channels."""
    check_pair(reference, synthetic, mask)
    check_range(data_range)
    weights = _weights(tuple(reference.shape[axis] for axis in axes), levels)
    level = _Level(reference, synthetic, None, {axis: reference.shape[axis] for axis in axes})
    if mask is not None:
        level = _crop(level, mask, 1 << (len(weights) - 1))
    product = np.ones(())
    for number, weight in enumerate(weights):
        level = level.halve() if number else level
        is_last = number == len(weights) - 1
        product = product * np.maximum(level.mean(data_range, with_luminance=is_last), 0) ** weight
    return product


@dataclass(frozen=True, slots=True)
class _Level:
    """Both images at one level.

    Attributes:
        reference: of the level; 0 outside the mask, and cut to its box.
        synthetic: of the same shape.
        weight: 1 inside the mask and 0 outside, of the same shape; None where whole images are compared.
        sizes: of the level before it was cut, by axis of the image.
    """

    reference: Array
    synthetic: Array
    weight: Float | None
    sizes: dict[int, int]

    def halve(self) -> _Level:
        """Average blocks of two voxels per axis; the last of an odd number stands alone."""
        sizes = {axis: -(-n // 2) for axis, n in self.sizes.items()}
        x, y = (_blocks(image, self.sizes, self.weight is None) for image in (self.reference, self.synthetic))
        if self.weight is None:
            return _Level(x, y, None, sizes)
        n_inside = _blocks(self.weight, self.sizes, is_mean=False)
        inside = n_inside > 0
        n_inside[~inside] = 1
        return _Level(x / n_inside, y / n_inside, inside.astype(np.float64), sizes)

    def mean(self, data_range: float, *, with_luminance: bool) -> Float:
        """Return the mean of SSIM, or of its contrast and structure alone, where it counts: the mask or the interior."""
        taps = window(tuple(self.sizes.values()))
        kernels = {axis: gaussian(n) for axis, n in zip(self.sizes, taps, strict=True)}
        axes, total = tuple(kernels), []
        for start, moments in filter_moments(self._images(kernels), kernels):
            if self.weight is not None:
                # Windows without a voxel of the mask have no mass, and no say.
                moments[:, :4] /= np.maximum(moments[:, 4:], np.finfo(float).tiny)
            if with_luminance:
                block = similarity(moments, data_range)
            else:
                numerator, denominator = compare_structure(moments, data_range)
                block = np.divide(numerator, denominator, out=numerator)
            if self.weight is not None:
                block *= self.weight[start : start + len(block)]
            total.append(block.sum(axis=axes))
        sums: Float = np.sum(total, axis=0) if 0 in kernels else np.concatenate(total)
        if self.weight is not None:
            sums /= self.weight.sum(axis=axes)
        else:
            sums /= math.prod(n - t + 1 for n, t in zip(self.sizes.values(), taps, strict=True))
        return sums

    def _images(self, kernels: Kernels) -> list[Array]:
        """Return what is filtered: the images, or images and weight with a window's radius of nothing around."""
        if self.weight is None:
            return [self.reference, self.synthetic]
        radii = [len(kernels[axis]) // 2 if axis in kernels else 0 for axis in range(self.weight.ndim)]
        around = [(radius, radius) for radius in radii]
        return [np.pad(image, around) for image in (self.reference, self.synthetic, self.weight)]


def _crop(level: _Level, mask: Mask, block: int) -> _Level:
    """Cut a level to the mask's box, which starts where the blocks of the coarsest level do; nothing is outside the mask."""
    box = []
    for axis in range(mask.ndim):
        inside = np.flatnonzero(mask.any(axis=tuple(across for across in range(mask.ndim) if across != axis)))
        start = int(inside[0]) // block * block if axis in level.sizes else 0
        box.append(slice(start, int(inside[-1]) + 1 if axis in level.sizes else None))
    place = tuple(box)
    cut = mask[place] if mask.ndim == level.reference.ndim else mask[place][..., None]
    x, y = level.reference[place] * cut, level.synthetic[place] * cut
    return replace(level, reference=x, synthetic=y, weight=np.broadcast_to(cut, x.shape).astype(np.float64))


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


def _blocks(values: Array, axes: Iterable[int], is_mean: bool) -> Float:
    """Add up, or average, blocks of two voxels along some axes; the last of an odd number stands alone."""
    for axis in axes:
        n = values.shape[axis]
        if n > 1:
            first, second = (_every_second(values, axis, start) for start in (0, 1))
            values = np.array(first, np.float64)
            pairs = values[(slice(None),) * axis + (slice(n // 2),)]
            pairs += second
            if is_mean:
                pairs /= 2
    return np.asarray(values, np.float64)


def _every_second(values: Array, axis: int, start: int) -> Array:
    return values[(slice(None),) * axis + (slice(start, None, 2),)]


def _of_volume(pair: ImagePair) -> float:
    return ms_ssim(*pair.above_background, data_range=pair.data_range, mask=pair.mask, colour=pair.is_colour)


def _of_slices(pair: ImagePair) -> SliceMean:
    return slice_ms_ssim(*pair.above_background, axis=pair.axis, data_range=pair.data_range, mask=pair.mask)


def _detail(pair: ImagePair, dims: Dims) -> str:
    shape = pair.shape if dims == 3 else pair.slice_shape
    return f"window {'x'.join(map(str, window(shape)))}, levels {levels_of(shape)}"


METRICS = (Metric("ms_ssim", "1", "higher", _of_volume, _of_slices, definition=DEFINITION, detail=_detail),)
