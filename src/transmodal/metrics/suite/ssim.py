"""SSIM of images, volumes and their slices: scikit-image's Gaussian form, quicker.

Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13(4), 2004.
Gaussian window of 11 taps and sigma 1.5 per axis, K1 0.01, K2 0.03, population statistics. Two border rules:

- whole image: the mean over the interior, where the window lies inside the image (`interior`);
- mask: the mean over all the mask's voxels of the map that mirrors the image at its border (`mirrored`).

An axis shorter than 11 voxels takes the largest odd window that fits. Filtering is a product with a banded
matrix, axis by axis and block by block, in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from transmodal.metrics.checks import Array, Float, Mask, check_pair, check_range
from transmodal.metrics.metric import Metric
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.slices import SliceMean

SIGMA = 1.5
TAPS = 11
K1, K2 = 0.01, 0.03
DEFINITION = f"Gaussian sigma {SIGMA:g}, values counted from the background"

_ROWS = 32  # output rows per banded product: wide enough for BLAS, narrow enough to waste little
_BLOCK = 1 << 15  # voxels per block: what the processor's cache holds


def window(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the window's taps per axis: 11, or the largest odd number that fits the axis."""
    return tuple(min(TAPS, n - 1 + n % 2) for n in shape)


def gaussian(taps: int) -> Float:
    """Return the window's weights along an axis: sigma 1.5, adding up to 1."""
    offsets = np.arange(taps) - taps // 2
    weights = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    normalised: Float = weights / weights.sum()
    return normalised


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
    sums, counts = _sums(_Pair(reference, synthetic, mask), axes, data_range)
    return float((sums / counts).mean())


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
    axes = tuple(plane_axis for plane_axis in range(3) if plane_axis != axis)
    n = reference.shape[axis]
    sums, counts = _sums(_Pair(reference, synthetic, mask), axes, data_range)
    has_voxels = counts.reshape(len(counts), -1)[:, 0] > 0
    values = (sums[has_voxels] / counts[has_voxels]).reshape(int(has_voxels.sum()), -1).mean(axis=1)
    return SliceMean(float(values.mean()), values, len(values), n - len(values))


class _Pair(NamedTuple):
    reference: Array
    synthetic: Array
    mask: Mask | None


def _sums(pair: _Pair, axes: tuple[int, ...], data_range: float) -> tuple[Float, Float]:
    """Sum the SSIM map over `axes`; return the sums and the numbers of voxels, over the remaining axes."""
    check_pair(*pair)
    check_range(data_range)
    sizes = window(pair.reference.shape)
    kernels = {axis: gaussian(sizes[axis]) for axis in axes}
    if pair.mask is not None:
        pair = _mirror(_crop_to_mask(pair, kernels), kernels)
    parts = [
        _reduce(block, None if pair.mask is None else pair.mask[start : start + len(block)], axes)
        for start, block in _map_blocks(pair, kernels, data_range)
    ]
    sums, counts = [sums_of_block for sums_of_block, _ in parts], [n for _, n in parts]
    if 0 in axes:
        return np.sum(sums, axis=0), np.sum(counts, axis=0)
    return np.concatenate(sums), np.concatenate(counts)


def _reduce(block: Float, mask: Mask | None, axes: tuple[int, ...]) -> tuple[Float, Float]:
    if mask is None:
        sums = block.sum(axis=axes)
        return sums, np.full(sums.shape, block.size / sums.size)
    weights = mask if mask.ndim == block.ndim else mask[..., None]
    block *= weights
    sums = block.sum(axis=axes)
    return sums, np.broadcast_to(weights.sum(axis=axes, dtype=np.float64), sums.shape)


def _crop_to_mask(pair: _Pair, kernels: dict[int, Float]) -> _Pair:
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


def _mirror(pair: _Pair, kernels: dict[int, Float]) -> _Pair:
    """Mirror the images at their borders, so that the map has the mask's shape."""
    ndim = pair.reference.ndim
    width = [(len(kernels[axis]) // 2,) * 2 if axis in kernels else (0, 0) for axis in range(ndim)]
    return _Pair(
        np.pad(pair.reference, width, mode="symmetric"),
        np.pad(pair.synthetic, width, mode="symmetric"),
        pair.mask,
    )


def _map_blocks(pair: _Pair, kernels: dict[int, Float], data_range: float) -> Iterator[tuple[int, Float]]:
    """Yield the SSIM map block by block along the first axis, each with the index of its first row."""
    n, per_row = pair.reference.shape[0], max(1, int(np.prod(pair.reference.shape[1:])))
    overlap = len(kernels[0]) - 1 if 0 in kernels else 0
    step = max(_BLOCK // per_row, overlap + 1)
    memory, first_row, carried = _Memory(), 0, np.empty((4, 0))
    for start in range(0, n, step):
        rows = _stack_moments(
            pair.reference[start : start + step], pair.synthetic[start : start + step], memory
        )
        for axis in sorted(kernels, reverse=True):
            if axis:
                rows = _filter(rows, axis + 1, kernels[axis], memory)
        if overlap:
            rows = _join(carried, rows, memory)
            carried = memory.array("carried", (4, min(overlap, rows.shape[1]), *rows.shape[2:]))
            carried[...] = rows[:, rows.shape[1] - carried.shape[1] :]
            if rows.shape[1] <= overlap:
                continue
            rows = _filter(rows, 1, kernels[0], memory)
        yield first_row, _similarity(rows, data_range)
        first_row += rows.shape[1]


def _join(carried: Float, rows: Float, memory: _Memory) -> Float:
    n = carried.shape[1]
    joined = memory.array("joined", (4, n + rows.shape[1], *rows.shape[2:]))
    if n:
        joined[:, :n] = carried
    joined[:, n:] = rows
    return joined


class _Memory:
    """Arrays that one block leaves to the next: fresh memory for each would cost a fifth of the time."""

    def __init__(self) -> None:
        self._arrays: dict[str, Float] = {}

    def array(self, name: str, shape: tuple[int, ...]) -> Float:
        """Return an array of that name, its content undefined; the one before it is overwritten."""
        size = int(np.prod(shape))
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size)
        return self._arrays[name][:size].reshape(shape)


def _stack_moments(x: Array, y: Array, memory: _Memory) -> Float:
    """Stack x, y, x^2 + y^2 and x y: SSIM needs the two variances only as their sum."""
    moments = memory.array("moments", (4, *x.shape))
    moments[0], moments[1] = x, y
    np.multiply(moments[0], moments[0], out=moments[2])
    np.multiply(moments[1], moments[1], out=moments[3])
    moments[2] += moments[3]
    np.multiply(moments[0], moments[1], out=moments[3])
    return moments


def _similarity(filtered: Float, data_range: float) -> Float:
    """Combine filtered moments into the SSIM map, in place."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_x, mean_y, square, product = filtered
    means: Float = mean_x * mean_y
    mean_x *= mean_x
    mean_y *= mean_y
    mean_x += mean_y
    square -= mean_x
    square += c2
    mean_x += c1
    product -= means
    product *= 2
    product += c2
    means *= 2
    means += c1
    means *= product
    mean_x *= square
    means /= mean_x
    return means


def _filter(values: Float, axis: int, kernel: Float, memory: _Memory) -> Float:
    """Correlate along one axis where the kernel fits: one banded matrix serves all blocks of rows."""
    n = values.shape[axis] - len(kernel) + 1
    result = memory.array(f"axis {axis}", (*values.shape[:axis], n, *values.shape[axis + 1 :]))
    last = axis == values.ndim - 1
    # A stack of matrices with the axis as rows, or as columns where it is the last: many small products
    # stay in the cache, one tall product does not.
    stack = values.shape[: axis - last]
    source = values.reshape(int(np.prod(stack)), values.shape[axis - last], -1)
    out = result.reshape(len(source), result.shape[axis - last], -1)
    band = _band(min(_ROWS, n), kernel)
    for start in range(0, n, _ROWS):
        stop = min(start + _ROWS, n)
        matrix = band[: stop - start, : stop - start + len(kernel) - 1]
        reach = slice(start, stop + len(kernel) - 1)
        if last:
            np.matmul(source[:, :, reach], matrix.T, out=out[:, :, start:stop])
        else:
            np.matmul(matrix, source[:, reach], out=out[:, start:stop])
    return result


def _band(rows: int, kernel: Float) -> Float:
    band = np.zeros((rows, rows + len(kernel) - 1))
    for row in range(rows):
        band[row, row : row + len(kernel)] = kernel
    return band


def _of_volume(pair: ImagePair) -> float:
    return ssim(*pair.above_background, data_range=pair.data_range, mask=pair.mask, colour=pair.is_colour)


def _of_slices(pair: ImagePair) -> SliceMean:
    return slice_ssim(*pair.above_background, axis=pair.axis, data_range=pair.data_range, mask=pair.mask)


METRICS = (Metric("ssim", "1", "higher", _of_volume, _of_slices, window=window, decimals=3),)
