"""The steerable pyramid: an image as sub-bands of scales and orientations, real or complex.

Simoncelli and Freeman, "The steerable pyramid", ICIP 1995; made here in the frequency domain: three scales of four
orientations, a high-pass and a low-pass residual.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.metrics.checks import Array, Float, Mask

SCALES = 3
ORIENTATIONS = 4

Complex = NDArray[np.complex128]
Spectrum = Complex


class Pyramid(NamedTuple):
    """Sub-bands of one image; each keeps the amplitude that it has at full resolution.

    Attributes:
        high: the high-pass residual, `(H, W)`.
        bands: `bands[s][k]` of scale s (0 the finest, decimated by 2^s) and orientation k (angle pi k / 4).
        low: the low-pass residual, decimated by 8.
    """

    high: Float
    bands: tuple[tuple[Float, ...], ...]
    low: Float


def pyramid(image: Array) -> Pyramid:
    """Split an image into a steerable pyramid; the squared filters add up to 1 at every frequency.

    Sizes need not be even: a scale has ceil(n / 2^s) samples along an axis of n.

    Args:
        image: grey, `(H, W)`.
    """
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    filters = _filters(*spectrum.shape)
    bands = tuple(
        tuple(_decimate(spectrum * (1j * band), scale) for band in filters.bands[scale])
        for scale in range(SCALES)
    )
    return Pyramid(_decimate(spectrum * filters.high, 0), bands, _decimate(spectrum * filters.low, SCALES))


def complex_bands(image: Array) -> tuple[tuple[Complex, ...], ...]:
    """Split an image into complex sub-bands, whose phase moves with the image: half of each oriented filter.

    Args:
        image: grey, `(H, W)`.

    Returns:
        `bands[s][k]` of scale s (0 the finest, decimated by 2^s) and orientation k; their real parts are those of
        `pyramid`, up to the side of the filter.
    """
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    filters = _filters(*spectrum.shape)
    return tuple(
        tuple(
            _decimate_complex(spectrum * (2j * np.maximum(band, 0)), scale) for band in filters.bands[scale]
        )
        for scale in range(SCALES)
    )


@lru_cache(maxsize=4)
def _filters(height: int, width: int) -> Pyramid:
    """Return the filters of all sub-bands on the shifted spectrum; slices of one volume share them."""
    y = _frequencies(height)[:, None]
    x = _frequencies(width)[None, :]
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    radius[height // 2, width // 2] = np.finfo(np.float64).tiny  # log2 of it; every band-pass is 0 there
    sectors = [_oriented_lobe(angle, k) for k in range(ORIENTATIONS)]
    bands = tuple(tuple(_band_pass(radius, scale) * sector for sector in sectors) for scale in range(SCALES))
    return Pyramid(_high_pass(radius, np.pi), bands, _low_pass(radius, np.pi / 2**SCALES))


def any_in_block(mask: Mask, step: int) -> Mask:
    """Decimate a mask: a sample is in where a pixel that it stands for is, so no mask is lost."""
    height, width = (-(-n // step) * step for n in mask.shape)
    wide = np.zeros((height, width), bool)
    wide[: mask.shape[0], : mask.shape[1]] = mask
    blocks = wide.reshape(height // step, step, width // step, step)
    joined: Mask = np.logical_or.reduce(blocks, axis=(1, 3))
    return joined


def _frequencies(n: int) -> Float:
    """Return radians per pixel, in the order of a shifted spectrum."""
    return np.asarray((np.arange(n) - n // 2) * (2 * np.pi / n), np.float64)


def _high_pass(radius: Float, edge: float) -> Float:
    """Return the high-pass that rises over the octave below `edge`."""
    return np.cos(np.pi / 2 * np.clip(np.log2(radius / edge), -1, 0))


def _low_pass(radius: Float, edge: float) -> Float:
    """Return the low-pass whose square is 1 less the high-pass's."""
    return np.sin(-np.pi / 2 * np.clip(np.log2(radius / edge), -1, 0))


def _band_pass(radius: Float, scale: int) -> Float:
    edge = np.pi / 2**scale
    return _low_pass(radius, edge) * _high_pass(radius, edge / 2)


def _oriented_lobe(angle: Float, k: int) -> Float:
    """Return the k-th cosine lobe of order 3; it is odd, and times i gives a real sub-band."""
    gain = np.sqrt(0.8)  # the squares of four lobes cos^3 add up to 5/4
    lobe: Float = gain * np.cos(angle - np.pi * k / ORIENTATIONS) ** 3
    return lobe


def _decimate(spectrum: Spectrum, scale: int) -> Float:
    """Go back to space with real samples."""
    real: Float = _decimate_complex(spectrum, scale).real
    return real


def _decimate_complex(spectrum: Spectrum, scale: int) -> Complex:
    """Go back to space with ceil(n / 2^scale) samples per axis: the filters leave nothing beyond."""
    sizes = tuple(-(-n >> scale) for n in spectrum.shape)
    centre = tuple(
        slice(n // 2 - small // 2, n // 2 - small // 2 + small)
        for n, small in zip(spectrum.shape, sizes, strict=True)
    )
    band: Complex = np.fft.ifft2(np.fft.ifftshift(spectrum[centre])) * (sizes[0] * sizes[1] / spectrum.size)
    return band
