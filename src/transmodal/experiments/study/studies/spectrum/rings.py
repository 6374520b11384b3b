"""Radially averaged power and cross-power of slices, in rings of frequency, and the octaves that rings make up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

RINGS = 16
"""Rings of equal width from 0 to the highest frequency that the voxels can show."""
OCTAVES = ((1, 2), (2, 4), (4, 8), (8, 16))
"""First ring and the one after the last; the first ring of all, the head's shape and mean, is in none."""
QUIET_DB = -120.0
"""Stands for no power at all, which has no logarithm."""
SMALLEST_SIDE = 64
"""Pixels to which a smaller box is padded, so that every ring holds frequencies."""
RIM_PIXELS = 8
"""Pixels over which a window rises from the mask's rim; half the depth of a smaller slice."""
Array = NDArray[np.float64]


class PairSpectrum(NamedTuple):
    """Sums over the slices of a pair of images, `(RINGS,)` each, per frequency of the ring.

    Attributes:
        power: of the image.
        reference_power: of the reference.
        cross: size of the cross-power of both.
        turned_cross: of the image and the reference turned by half in its plane, which no anatomy lines up.
    """

    power: Array
    reference_power: Array
    cross: Array
    turned_cross: Array


def frequency_edges(spacing_mm: float) -> Array:
    """Return the rings' edges in cycles per mm, `(RINGS + 1,)`, up to half a cycle per voxel."""
    return np.linspace(0, 0.5 / spacing_mm, RINGS + 1)


def window_of(mask: NDArray[np.bool_]) -> Array:
    """Return a Hann window over a slice's box that also falls to 0 at the mask's rim, `(H, W)`.

    A rim cut hard has power at every frequency, the same in both images, and would hide what is lost.

    Args:
        mask: `(H, W)`, not empty.
    """
    padded: Array = ndimage.distance_transform_edt(np.pad(mask, 1))
    depth = padded[1:-1, 1:-1]
    width = min(RIM_PIXELS, 0.5 * float(depth.max()))
    rise = 0.5 - 0.5 * np.cos(np.pi * np.minimum(depth / width, 1))
    window: Array = rise * np.outer(_hann(mask.shape[0]), _hann(mask.shape[1]))
    return window


def transform(plane: Array, window: Array) -> NDArray[np.complex128]:
    """Return the spectrum of a plane under a window, less its mean there.

    Args:
        plane: `(H, W)`, the mask's box.
        window: likewise.

    Returns:
        `(h, w)`, padded to at least `SMALLEST_SIDE`.
    """
    centred = plane - np.average(plane, weights=window)
    sides = [max(side, SMALLEST_SIDE) for side in plane.shape]
    spectrum: NDArray[np.complex128] = np.fft.fft2(centred * window, sides)
    return spectrum


def compare(
    images: Sequence[Array],
    references: Sequence[Array],
    windows: Sequence[Array],
    spacing_mm: tuple[float, float],
    edges: Array,
) -> PairSpectrum:
    """Return the spectra of two stacks of planes of one shape, and what they share.

    Args:
        images: planes, `(H, W)`.
        references: as many.
        windows: as many.
        spacing_mm: of the two axes.
        edges: of the rings, in cycles per mm.
    """
    sides = [max(side, SMALLEST_SIDE) for side in images[0].shape]
    first, second = (np.fft.fftfreq(side, mm) for side, mm in zip(sides, spacing_mm, strict=True))
    ring = np.digitize(np.hypot(first[:, None], second[None, :]), edges[1:])
    power, reference_power = np.zeros(sides), np.zeros(sides)
    cross, turned_cross = np.zeros(sides, np.complex128), np.zeros(sides, np.complex128)
    for image, reference, window in zip(images, references, windows, strict=True):
        of_image, of_reference = transform(image, window), transform(reference, window)
        of_turned = transform(reference[::-1, ::-1], window[::-1, ::-1])
        power += np.abs(of_image) ** 2
        reference_power += np.abs(of_reference) ** 2
        cross += of_image * of_reference.conj()
        turned_cross += of_image * of_turned.conj()
    return PairSpectrum(
        _averaged(power, ring),
        _averaged(reference_power, ring),
        np.hypot(_averaged(cross.real, ring), _averaged(cross.imag, ring)),
        np.hypot(_averaged(turned_cross.real, ring), _averaged(turned_cross.imag, ring)),
    )


def decibels(power: float, reference: float) -> float:
    """Return a ratio of powers in decibels, `QUIET_DB` at the least; 0 where neither has power."""
    if power <= 0 and reference <= 0:
        return 0.0
    if power <= 0 or reference <= 0:
        return QUIET_DB if power <= 0 else -QUIET_DB
    return float(np.clip(10 * math.log10(power / reference), QUIET_DB, -QUIET_DB))


def coherent_share(cross: Array, power: Array, reference_power: Array) -> float:
    """Return the share of the power in some rings that follows from the reference, 0 to 1; 0 without power.

    It is the squared coherence of every ring, weighted by the image's power.
    """
    product = power * reference_power
    coherence = np.divide(cross**2, product, out=np.zeros(len(product)), where=product > 0)
    whole = float(power.sum())
    return float((coherence * power).sum() / whole) if whole > 0 else 0.0


def _averaged(values: Array, ring: NDArray[np.intp]) -> Array:
    """Return the mean of every ring, 0 of a ring without frequencies; frequencies beyond the last are in none."""
    sums = np.bincount(ring.ravel(), values.ravel(), RINGS + 1)[:RINGS]
    counts = np.bincount(ring.ravel(), minlength=RINGS + 1)[:RINGS]
    return sums / np.maximum(counts, 1)


def _hann(side: int) -> Array:
    """Return a Hann window without zeros at its ends."""
    return np.hanning(side + 2)[1:-1]
