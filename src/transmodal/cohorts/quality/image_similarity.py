"""Similarity of images: the detail that survives renaming, cropping, other grids and noise, small enough to compare all with all.

An image is sampled in scanner space on a coarse lattice, and detail that is finer than lobes and coarser than noise
is kept, divided by its own local strength: bias fields and intensity scales fall out. Two images are compared
twice. First by the magnitudes of their Fourier transforms, which no shift changes, divided by what is usual at
their frequency: one matrix product compares all with all. Then, for the few that are left, the shift is found by
cross-correlation (Kuglin and Hines 1975), and the remaining difference is measured block by block as optical flow (Lucas and
Kanade 1981). Copies stay in place everywhere; two brains, even two warps of one brain, are apart by millimetres.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.blocks import block_means
from transmodal.volumes.geometry.interpolation import multiply_axis
from transmodal.volumes.geometry.reorient import resample

LATTICE_MM = 4.0
"""Step of the lattice: that of the coarsest images for which this was made."""
VERSION = 1
"""Counts changes of `detail`: details of another version are computed anew."""

MIN_SPECTRAL = 0.45
"""Correlation of two spectra from which on two images are looked at again."""
MIN_CORRELATION = 0.6
"""Least correlation of the detail of two copies at the best shift."""
MAX_APART_MM = 1.6
"""Greatest median distance of the blocks of two copies."""

Detail = NDArray[np.int8]
"""Kept detail on the lattice, `(I, J, K)`, in 1/25 of its local strength; `OUTSIDE` where nothing is compared."""
Floats = NDArray[np.float32]

OUTSIDE = -128
_SCALE = 25.0
_FINE_MM, _COARSE_MM, _LOCAL_MM = 2.0, 8.0, 12.0
_LEAST_CELLS = (8, 600)
"""Cells along each axis, and cells with content, below which an image is too small to tell."""
_TORUS = 64
"""Cells of the torus that detail is wound onto, so that images of every size have the same frequencies."""
_HIGHEST = 16
_BLOCK = 8
_LEAST_IN_BLOCK, _LEAST_BLOCKS = 150, 4
_LEAST_SHARED = 0.35


class Agreement(NamedTuple):
    """Agreement of two images at the shift that lays them over one another best.

    Attributes:
        correlation: of their detail where both have some, -1 to 1.
        apart_mm: median over blocks of how far they are still apart; infinite where too little is shared.
    """

    correlation: float
    apart_mm: float

    @property
    def are_copies(self) -> bool:
        """Whether the two are copies of one image."""
        return self.correlation >= MIN_CORRELATION and self.apart_mm <= MAX_APART_MM


def detail(volume: Volume) -> Detail | None:
    """Return the detail of an image; None for one that is too small, thin or empty to tell.

    Args:
        volume: grey or colour, however it lies; any intensities.
    """
    values, covered = _sample(volume)
    if min(values.shape) < _LEAST_CELLS[0]:
        return None
    low, high = np.percentile(values[covered], (0.5, 98))
    content = covered & (values - low > 0.15 * (high - low))
    if high <= low or content.sum() < _LEAST_CELLS[1]:
        return None
    values = (values - np.float32(low)) / np.float32((values[content] - low).mean())
    inside = covered & (_smooth(content.astype(np.float32), LATTICE_MM) > 0.5)
    band = _mean(values, covered, _FINE_MM) - _mean(values, covered, _COARSE_MM)
    strength = np.sqrt(_mean(band**2, inside, _LOCAL_MM))
    scaled = np.clip(np.rint(_SCALE * band / np.maximum(strength, 0.02)), -127, 127)
    return np.where(inside, scaled, OUTSIDE).astype(np.int8)


def spectrum(image: Detail) -> Floats:
    """Return the shift-invariant part of an image's detail: a unit vector, to be multiplied with others'."""
    squares, compared, radius = _frequencies()
    wave = fft.rfftn(_wrap(_values(image)))[squares]
    level = np.log(np.abs(wave[compared]) + 1e-3)
    level -= (np.bincount(radius, level) / np.maximum(np.bincount(radius), 1))[radius]
    unit: Floats = (level / np.linalg.norm(level)).astype(np.float32)
    return unit


def agreement(first: Detail, second: Detail) -> Agreement:
    """Lay two images over one another by whole cells, and measure how they agree."""
    waves = [fft.rfftn(_wrap(_values(image))) for image in (first, second)]
    peak = fft.irfftn(waves[0] * np.conj(waves[1]), (_TORUS,) * 3)
    best = np.unravel_index(int(peak.argmax()), peak.shape)
    least = _LEAST_SHARED * min(int((first != OUTSIDE).sum()), int((second != OUTSIDE).sum()))
    agreements = [
        _compare_shifted(first, second, shift, least)
        for shift in _shifts(first.shape, second.shape, [int(n) for n in best])
    ]
    return max(agreements, default=Agreement(0.0, np.inf), key=lambda agreement: agreement.correlation)


def _sample(volume: Volume) -> tuple[Floats, NDArray[np.bool_]]:
    """Return an image on the lattice, which all images share, and where the lattice lies in the image."""
    ends = np.array(np.meshgrid(*((0.0, n - 1.0) for n in volume.grid.shape))).reshape(3, -1).T
    world = volume.grid.world(ends)
    first = np.floor(world.min(axis=0) / LATTICE_MM)
    i, j, k = (int(n) for n in np.ceil(world.max(axis=0) / LATTICE_MM) - first + 1)
    affine = np.diag([LATTICE_MM, LATTICE_MM, LATTICE_MM, 1.0])
    affine[:3, 3] = first * LATTICE_MM
    lattice = Grid((i, j, k), affine)
    values = resample(_coarser(volume), lattice).voxels
    whole = Volume(np.broadcast_to(np.uint8(1), volume.grid.shape), volume.affine)
    return values, resample(whole, lattice, how="nearest").voxels > 0


def _coarser(volume: Volume) -> Volume:
    """Return an image in grey, of which voxels finer than half a step are averaged by two, three, ... an axis."""
    grey = volume.voxels.mean(axis=-1, dtype=np.float32) if volume.is_colour else volume.voxels
    sides = zip(volume.grid.shape, volume.spacing, strict=True)
    factors = [max(1, min(int(LATTICE_MM / 2 / mm), n // _LEAST_CELLS[0])) for n, mm in sides]
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ ((np.array(factors) - 1) / 2)
    affine[:3, :3] *= factors
    return Volume(block_means(grey, factors), affine)


def _smooth(values: Floats, mm: float) -> Floats:
    for axis, n in enumerate(values.shape):
        values = multiply_axis(_gauss(n, mm), values, axis)
    return values


@lru_cache(64)
def _gauss(n: int, mm: float) -> Floats:
    """Return the matrix that smooths a line of cells, with nothing beyond its ends."""
    matrix: Floats = ndimage.gaussian_filter1d(np.eye(n), mm / LATTICE_MM, axis=0, mode="constant")
    return matrix.astype(np.float32)


def _mean(values: Floats, inside: NDArray[np.bool_], mm: float) -> Floats:
    """Return the local mean of values over the cells that count."""
    weight = inside.astype(np.float32)
    mean: Floats = np.divide(
        _smooth(values * weight, mm), np.maximum(_smooth(weight, mm), 0.05), dtype=np.float32
    )
    return mean


def _values(image: Detail) -> Floats:
    values: Floats = np.where(image == OUTSIDE, 0, image).astype(np.float32) / np.float32(_SCALE)
    return values


def _wrap(values: Floats) -> Floats:
    """Wind an image around the torus: its Fourier transform keeps every n-th frequency, unchanged."""
    blocks = [-(-n // _TORUS) for n in values.shape]
    padded = np.pad(values, [(0, m * _TORUS - n) for n, m in zip(values.shape, blocks, strict=True)])
    wound: Floats = padded.reshape(blocks[0], _TORUS, blocks[1], _TORUS, blocks[2], _TORUS).sum(
        axis=(0, 2, 4)
    )
    return wound


@lru_cache(1)
def _frequencies() -> tuple[Any, NDArray[np.bool_], NDArray[np.int_]]:
    """Return which frequencies are compared, and how high each is: half a ball without its centre."""
    low = np.r_[0 : _HIGHEST + 1, _TORUS - _HIGHEST : _TORUS]
    along: NDArray[np.int_] = np.where(low > _HIGHEST, low - _TORUS, low)
    i, j, k = np.meshgrid(along, along, np.arange(_HIGHEST + 1), indexing="ij")
    radius: NDArray[np.float64] = np.sqrt(i**2 + j**2 + k**2)
    compared = (radius > 1.5) & (radius <= _HIGHEST)
    return np.ix_(low, low, np.arange(_HIGHEST + 1)), compared, np.rint(radius[compared]).astype(int)


def _shifts(
    first_shape: tuple[int, ...], second_shape: tuple[int, ...], peak: Iterable[int]
) -> Iterator[tuple[int, ...]]:
    """Yield the shifts that the torus cannot tell from the one that was found, and that leave an overlap."""
    return product(
        *(
            [
                shift
                for shift in range(start % _TORUS - m // _TORUS * _TORUS - _TORUS, n, _TORUS)
                if shift > -m
            ]
            for n, m, start in zip(first_shape, second_shape, peak, strict=True)
        )
    )


def _compare_shifted(first: Detail, second: Detail, shift: tuple[int, ...], least: float) -> Agreement:
    a, b = _overlap(first, second, np.array(shift))
    if min(a.shape) < 2 or a.size < least:
        return Agreement(0.0, np.inf)
    shared = (a != OUTSIDE) & (b != OUTSIDE)
    if shared.sum() < max(least, _LEAST_IN_BLOCK):
        return Agreement(0.0, np.inf)
    x, y = _values(a), _values(b)
    length = np.sqrt((x[shared] ** 2).sum() * (y[shared] ** 2).sum())
    return Agreement(float((x[shared] * y[shared]).sum() / max(length, 1e-6)), _apart_mm(x, y, shared))


def _overlap(first: Detail, second: Detail, shift: NDArray[np.int_]) -> tuple[Detail, Detail]:
    """Return the part that two images share when cell `i` of the other lies on cell `i + shift` of the one."""
    low = np.maximum(shift, 0)
    high = np.maximum(low, np.minimum(first.shape, np.array(second.shape) + shift))
    first_part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    second_part = tuple(slice(a, b) for a, b in zip(low - shift, high - shift, strict=True))
    return first[first_part], second[second_part]


def _apart_mm(x: Floats, y: Floats, shared: NDArray[np.bool_]) -> float:
    """Return how far, in the median over blocks, two images are apart beyond one common shift."""
    inside = ndimage.binary_erosion(shared)
    slopes: list[Floats] = list(np.gradient((x + y) / 2, LATTICE_MM))
    slope = np.stack([along[inside] for along in slopes], axis=1)
    change = (x - y)[inside]
    blocks = [-(-n // _BLOCK) for n in shared.shape]
    block = np.ravel_multi_index((np.argwhere(inside) // _BLOCK).T, blocks)

    def total(values: Floats) -> NDArray[np.float64]:
        summed: NDArray[np.float64] = np.bincount(block, values, int(np.prod(blocks))).astype(np.float64)
        return summed

    enough = total(np.ones_like(change)) >= _LEAST_IN_BLOCK
    if enough.sum() < _LEAST_BLOCKS:
        return float("inf")
    normal = np.stack([total(slope[:, i] * slope[:, j]) for i in range(3) for j in range(3)], axis=1)[enough]
    right = np.stack([total(slope[:, i] * change) for i in range(3)], axis=1)[enough]
    normal = normal.reshape(-1, 3, 3)
    # A little on the diagonal: a block with slopes along one axis alone says nothing of the others.
    normal += np.eye(3) * (1e-3 * np.trace(normal, axis1=1, axis2=2) + 1e-9)[:, None, None]
    flows = np.linalg.solve(normal, right[..., None])[..., 0]
    return float(np.median(np.linalg.norm(flows - np.median(flows, axis=0), axis=1)))
