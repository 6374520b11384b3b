"""The Gaussian window of SSIM, and what it makes of two images: products with banded matrices, block by block.

In: two images, and the axes that the window runs along. Out: the windowed moments that SSIM and MS-SSIM are made of, in
float64: in flat, bright regions the variances are small differences of large numbers, and float32 would be off by
more than 1e-6. A block is as large as the processor's cache holds.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np

from transmodal.metrics.checks import Array, Float

SIGMA = 1.5
TAPS = 11

_ROWS = 16  # output rows per banded product: wide enough for BLAS, narrow enough to waste little
_BLOCK = 1 << 15  # voxels that are filtered at a time: what the processor's cache holds
_WHOLE = 1 << 18  # voxels of an image that is quicker filtered in one block

Kernels = Mapping[int, Float]


def window(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the window's taps per axis: 11, or the largest odd number that fits the axis."""
    return tuple(min(TAPS, n - 1 + n % 2) for n in shape)


@cache
def gaussian(taps: int) -> Float:
    """Return the window's weights along an axis: sigma 1.5, adding up to 1; they cannot be written to."""
    offsets = np.arange(taps) - taps // 2
    weights = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    normalised: Float = weights / weights.sum()
    normalised.flags.writeable = False
    return normalised


def filter_moments(images: Sequence[Array], kernels: Kernels) -> Iterator[tuple[int, Float]]:
    """Yield the windowed moments of two images, where the window fits, block by block along the first axis.

    Args:
        images: two of one shape, and any number of further arrays that are filtered as they are.
        kernels: weights by axis; other axes are not filtered.

    Yields:
        The index of the block's first row, and the block `(rows, moments, ...)`: of the sum of the images, their
        difference, the squares of both, and the further arrays. It may be written to, and lasts until the next block, of
        this call or of another.
    """
    kernels = {axis: kernel for axis, kernel in kernels.items() if len(kernel) > 1}
    if 0 in kernels and images[0].size <= _WHOLE:
        across = {axis + 1: kernel for axis, kernel in kernels.items()}
        whole = _filter_rows([image[None] for image in images], across, _small.memory)
        yield 0, whole[0].swapaxes(0, 1)
        return
    across = {axis: kernel for axis, kernel in kernels.items() if axis}
    yield from _blocks(images, across, kernels.get(0))


def _blocks(images: Sequence[Array], across: Kernels, along: Float | None) -> Iterator[tuple[int, Float]]:
    """Filter along all axes but the first a few rows at a time, then along the first where rows suffice."""
    n, overlap = len(images[0]), 0 if along is None else len(along) - 1
    chunk = max(1, _BLOCK // max(1, images[0][0].size))
    step = max(chunk, _ROWS) if overlap else chunk
    shape = [size - len(across[axis]) + 1 if axis in across else size for axis, size in _sizes(images[0])]
    rows = np.empty((overlap + min(step, n), len(images) + 2, *shape))
    memory, n_held, first = _Memory(), 0, 0
    for start in range(0, n, step):
        stop = min(start + step, n)
        for at in range(start, stop, chunk):
            part = slice(at, min(at + chunk, stop))
            target = rows[n_held + at - start : n_held + part.stop - start]
            _filter_rows([image[part] for image in images], across, memory, target)
        block = rows[: n_held + stop - start]
        n_held = min(overlap, len(block))
        n_out = len(block) - n_held
        if n_out and along is not None:
            yield first, _filter(block, 0, along, memory.array("out", (n_out, *block.shape[1:])))
        elif n_out:
            yield first, block
        rows[:n_held] = block[n_out:]
        first += n_out


def _sizes(image: Array) -> list[tuple[int, int]]:
    return list(enumerate(image.shape))[1:]


class _Memory:
    """Arrays that one block leaves to the next: the system's fresh memory may take longer than the work itself."""

    def __init__(self) -> None:
        self._arrays: dict[str, Float] = {}

    def array(self, name: str, shape: tuple[int, ...]) -> Float:
        """Return an array of that name, its content undefined; the one before it is overwritten."""
        size = math.prod(shape)
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size)
        return self._arrays[name][:size].reshape(shape)


class _Small(threading.local):
    """The memory for images that are filtered in one block, a thread's own: an evaluation has thousands of them."""

    def __init__(self) -> None:
        self.memory = _Memory()


_small = _Small()


def _filter_rows(
    images: Sequence[Array], kernels: Kernels, memory: _Memory, target: Float | None = None
) -> Float:
    """Return the moments of some rows, filtered along other axes than the first; `target` takes them."""
    axes = sorted(kernels, reverse=True)
    rows = _stack_moments(images, target if target is not None and not axes else None, memory)
    for axis in axes:
        shape = list(rows.shape)
        shape[axis + 1] -= len(kernels[axis]) - 1
        is_last = axis == axes[-1] and target is not None
        out = target if is_last and target is not None else memory.array(f"axis {axis}", tuple(shape))
        rows = _filter(rows, axis + 1, kernels[axis], out)
    return rows


def _stack_moments(images: Sequence[Array], target: Float | None, memory: _Memory) -> Float:
    """Stack x + y, x - y and their squares: their variances are those that SSIM needs, added and subtracted."""
    x, y, *further = images
    shape = (len(x), 4 + len(further), *x.shape[1:])
    moments = memory.array("moments", shape) if target is None else target
    np.add(x, y, out=moments[:, 0], dtype=np.float64)
    np.subtract(x, y, out=moments[:, 1], dtype=np.float64)
    np.multiply(moments[:, :2], moments[:, :2], out=moments[:, 2:4])
    for number, image in enumerate(further, start=4):
        moments[:, number] = image
    return moments


def _filter(values: Float, axis: int, kernel: Float, out: Float) -> Float:
    """Correlate along one axis where the kernel fits: one banded matrix serves all blocks of rows."""
    n, taps = out.shape[axis], len(kernel)
    source: Float
    result: Float
    if axis == values.ndim - 1:
        source, result = values.reshape(-1, values.shape[axis]), out.reshape(-1, n)
    else:  # a stack of matrices with the axis as rows: many small products stay in the cache
        stack = math.prod(values.shape[:axis])
        source, result = values.reshape(stack, values.shape[axis], -1), out.reshape(stack, n, -1)
    for start in range(0, n, _ROWS):
        stop = min(start + _ROWS, n)
        matrix = _band(stop - start, kernel.tobytes())
        if axis == values.ndim - 1:
            np.matmul(source[:, start : stop + taps - 1], matrix.T, out=result[:, start:stop])
        else:
            np.matmul(matrix, source[:, start : stop + taps - 1], out=result[:, start:stop])
    return out


@cache
def _band(rows: int, kernel: bytes) -> Float:
    """Return the matrix that correlates a column with a kernel of float64, `(rows, rows + taps - 1)`."""
    weights = np.frombuffer(kernel)
    band = np.zeros((rows, rows + len(weights) - 1))
    for row in range(rows):
        band[row, row : row + len(weights)] = weights
    return band
