"""FSIM and FSIMc: feature similarity by phase congruency and gradient.

Zhang, Zhang, Mou and Zhang, "FSIM: a feature similarity index for image quality assessment", IEEE TIP 20(8),
2011. Phase congruency: Kovesi, "Image features from phase congruency", Videre 1(3), 1999, with the paper's
settings: four scales, four orientations, shortest wavelength 6 pixels, no weighting by the spread over
frequencies.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate, uniform_filter

from transmodal.metrics.checks import Array, Float, Mask, check_plane, check_range, fill_outside, no_content
from transmodal.metrics.metric import Metric, over_planes
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.slices import SliceMean, over_slices

DEFINITION = "Zhang 2011"
SMALLEST = 48  # pixels: the longest wavelength of the filters
T1, T2, T3, T4 = 0.85, 160.0, 200.0, 200.0  # T2 to T4 are for levels 0 to 255
CHROMA_POWER = 0.03

_SCALES, _ORIENTATIONS = 4, 4
_SHORTEST, _STEP = 6.0, 2.0
_LOG_BANDWIDTH = np.log(0.55)
_ANGULAR = np.pi / _ORIENTATIONS / 1.2
_NOISE_SIGMAS = 2.0
_NOISE_SHRINK = 1.7  # Kovesi: the estimate is too wide for summed responses
_TINY = 1e-4
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_SCHARR = np.array([[3.0, 0, -3], [10, 0, -10], [3, 0, -3]]) / 16

Complex = NDArray[np.complex128]


def fsim(reference: Array, synthetic: Array, *, data_range: float, mask: Mask | None = None) -> float:
    """Return FSIM of two grey images. Unit 1, 0 to 1, higher is better.

    Similarities of phase congruency and of Scharr gradients, multiplied and weighted by the greater phase
    congruency. Values are scaled to 255 levels by the data range; an image of 384 pixels or more
    along its shorter side is averaged and decimated first, to about 256.

    Args:
        reference: the target as measured, `(H, W)`, at least 48 by 48.
        synthetic: the translator's image, of the same shape.
        data_range: width of the range of possible values, fixed by the protocol.
        mask: bool `(H, W)`: both images take the reference's mean outside, and the weighted mean is over the
            mask.

    Raises:
        InputError: E130 for shapes that differ, E120 for values that are not finite, E121 for an array that
            is not an image, E124 for an empty mask, or where neither image has a feature: both constant.
        UsageError: E001 for a data range that is not positive, E004 for an image below 48 pixels along an
            axis.
    """
    check_range(data_range)
    check_plane(reference, synthetic, mask, channels=1, side=SMALLEST)
    x, y = fill_outside(reference, synthetic, mask)
    of_x, of_y = (_decimate(image * (255 / data_range)) for image in (x, y))
    return _weigh(_luminance(of_x, of_y), _inside(mask, x.shape))


def fsim_colour(reference: Array, synthetic: Array, *, white: float, mask: Mask | None = None) -> float:
    """Return FSIMc of two colour images.

    FSIM of Y, and the similarities of I and Q to the power 0.03. Unit 1, at most 1, higher is
    better.

    Args:
        reference: the target as measured, `(H, W, 3)`, at least 48 by 48.
        synthetic: the translator's image, of the same shape.
        white: the value of white: 255 for 8-bit levels, 1 for colours from 0 to 1.
        mask: as in `fsim`.

    Raises:
        InputError: as `fsim`; E122 for images without three channels.
        UsageError: as `fsim`.
    """
    check_range(white)
    check_plane(reference, synthetic, mask, channels=3, side=SMALLEST)
    pair = fill_outside(reference, synthetic, mask)
    (y1, i1, q1), (y2, i2, q2) = (
        [_decimate(channel) for channel in np.moveaxis(image * (255 / white) @ _TO_YIQ.T, -1, 0)]
        for image in pair
    )
    maps = _luminance(y1, y2)
    chroma = _similarity(i1, i2, T3) * _similarity(q1, q2, T4)
    # The real part of a negative number's power, as the paper's own program takes it.
    power = np.abs(chroma) ** CHROMA_POWER * np.where(chroma < 0, np.cos(np.pi * CHROMA_POWER), 1)
    return _weigh(_Maps(maps.similarity * power, maps.weight), _inside(mask, pair[0].shape[:2]))


def phase_congruency(image: Array) -> Float:
    """Return how far the phases of all scales agree at each pixel, 0 to 1; 0 for a constant image.

    It does not change with the image's brightness or contrast. The image wraps round at its borders.

    Args:
        image: grey, `(H, W)`.
    """
    spectrum = np.fft.fft2(image)
    energy, amplitude = np.zeros(spectrum.shape), np.zeros(spectrum.shape)
    for bank in _banks(*spectrum.shape):
        response = _filter(spectrum, bank)
        energy += response.energy
        amplitude += response.amplitude
    return np.divide(energy, amplitude, out=np.zeros_like(energy), where=amplitude > 0)


class _Bank(NamedTuple):
    """The filters of one orientation.

    Attributes:
        filters: on the spectrum, the finest scale first.
        noise: what white noise of power 1 in the finest response leaves in the energy, before `_noise`.
    """

    filters: tuple[Float, ...]
    noise: float


class _Maps(NamedTuple):
    similarity: Float
    weight: Float


class _Response(NamedTuple):
    """Energy above noise and summed amplitude, of one orientation."""

    energy: Float
    amplitude: Float


def _luminance(x: Float, y: Float) -> _Maps:
    phases, slopes = [phase_congruency(image) for image in (x, y)], [_gradient(image) for image in (x, y)]
    similarity = _similarity(phases[0], phases[1], T1) * _similarity(slopes[0], slopes[1], T2)
    return _Maps(similarity, np.maximum(phases[0], phases[1]))


def _weigh(maps: _Maps, mask: Mask) -> float:
    weight = maps.weight[mask]
    total = weight.sum()
    if total == 0:
        raise no_content(
            "two images without a feature (constant where they count)",
            "an edge or a line in one of them",
            "Leave such slices out, or take mae.",
        )
    return float((maps.similarity[mask] * weight).sum() / total)


def _similarity(x: Float, y: Float, stabiliser: float) -> Float:
    similarity: Float = (2 * x * y + stabiliser) / (x * x + y * y + stabiliser)
    return similarity


def _gradient(image: Float) -> Float:
    """Return the Scharr gradient's size; outside the image is 0, as in the paper's own program."""
    sides = [correlate(image, kernel, mode="constant") for kernel in (_SCHARR, _SCHARR.T)]
    size: Float = np.hypot(sides[0], sides[1])
    return size


def _step(shape: tuple[int, ...]) -> int:
    return max(1, int(min(shape) / 256 + 0.5))


def _decimate(image: Float) -> Float:
    """Average blocks and keep one sample per block, as the paper's own program does by `conv2(..., 'same')`.

    Of two samples the mean is over the kept one and the next, of four over the one before, it and the two next; outside
    the image is 0.
    """
    step = _step(image.shape)
    if step == 1:
        return image
    averaged: Float = uniform_filter(image, step, mode="constant", origin=step % 2 - 1)
    return averaged[::step, ::step]


def _inside(mask: Mask | None, shape: tuple[int, ...]) -> Mask:
    """Decimate the mask like the images; a mask that falls between the samples counts where it is nearest."""
    inside = np.ones(shape, bool) if mask is None else mask
    step = _step(shape)
    decimated: Mask = np.zeros(tuple(-(-n // step) for n in shape), bool)
    decimated[tuple(place // step for place in np.nonzero(inside))] = True
    return decimated


@lru_cache(maxsize=4)
def _banks(height: int, width: int) -> tuple[_Bank, ...]:
    """Return the filters of every orientation; slices of one volume share them."""
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    radius, angle = np.hypot(x, y), np.arctan2(-y, x)
    radial = [_log_gabor(radius, _SHORTEST * _STEP**scale) for scale in range(_SCALES)]
    banks = []
    for k in range(_ORIENTATIONS):
        deviation = np.angle(np.exp(1j * (angle - k * np.pi / _ORIENTATIONS)))
        spread = np.exp(-((deviation / _ANGULAR) ** 2) / 2)
        filters = tuple(ring * spread for ring in radial)
        kernels = [np.fft.ifft2(band).real * np.sqrt(band.size) for band in filters]
        squares = sum(float((kernel**2).sum()) for kernel in kernels)
        crossed = sum(float((a * b).sum()) for a, b in combinations(kernels, 2))
        banks.append(_Bank(filters, (squares + 2 * crossed) / float((filters[0] ** 2).sum())))
    return tuple(banks)


def _log_gabor(radius: Float, wavelength: float) -> Float:
    """Return a band-pass around a wavelength, 0 at the mean and in the corners beyond 0.45 per pixel."""
    safe = np.where(radius == 0, 1, radius)
    ring = np.exp(-((np.log(safe * wavelength) / _LOG_BANDWIDTH) ** 2) / 2)
    ring[radius == 0] = 0
    inner: Float = ring / (1 + (radius / 0.45) ** 30)
    return inner


def _filter(spectrum: Complex, bank: _Bank) -> _Response:
    responses = [np.fft.ifft2(spectrum * band) for band in bank.filters]
    sizes = [np.abs(response) for response in responses]
    total = np.sum(responses, axis=0)
    size = np.abs(total) + _TINY
    even, odd = total.real / size, total.imag / size
    energy = np.zeros(spectrum.shape)
    for response in responses:
        energy += (
            response.real * even + response.imag * odd - np.abs(response.real * odd - response.imag * even)
        )
    noise = _noise(float(np.median(sizes[0] ** 2)) * bank.noise)
    return _Response(np.maximum(energy - noise, 0), np.sum(sizes, axis=0))


def _noise(median_power: float) -> float:
    """Return the energy that noise alone reaches (Kovesi): Rayleigh's, by the finest scale's median."""
    tau = np.sqrt(median_power / np.log(2))
    mean, sigma = tau * np.sqrt(np.pi / 2), tau * np.sqrt(2 - np.pi / 2)
    return float(mean + _NOISE_SIGMAS * sigma) / _NOISE_SHRINK


def _of_colour(pair: ImagePair) -> SliceMean:
    def measure(reference: Array, synthetic: Array, mask: Mask | None) -> float:
        return fsim_colour(reference, synthetic, white=pair.data_range, mask=mask)

    return over_slices(measure, *pair.above_background, axis=pair.axis, mask=pair.mask)


METRICS = (
    Metric(
        "fsim",
        "1",
        "higher",
        in_2d=over_planes(fsim),
        definition=DEFINITION,
        in_grey=True,
        smallest=SMALLEST,
    ),
    Metric(
        "fsim_colour",
        "1",
        "higher",
        in_2d=_of_colour,
        definition=f"{DEFINITION}, FSIMc, YIQ",
        kind="colour",
        smallest=SMALLEST,
    ),
)
