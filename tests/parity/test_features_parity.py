"""FSIM from a second statement: Fourier matrices, polar filters bin by bin, sums over scales written out."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.metrics.suite.fsim import fsim, phase_congruency

Image = NDArray[np.float64]
Complex = NDArray[np.complex128]


def _fourier(n: int) -> Complex:
    k = np.arange(n)
    matrix: Complex = np.exp(-2j * np.pi * np.outer(k, k) / n)
    return matrix


def _filter(height: int, width: int, scale: int, orientation: int) -> Image:
    """Log-Gabor of wavelength 6 * 2^scale and bandwidth 0.55, low-passed, times a Gaussian of the angle."""
    result = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            u = (i - height if 2 * i >= height else i) / height
            v = (j - width if 2 * j >= width else j) / width
            if u == v == 0:
                continue
            r = math.hypot(u, v)
            radial = math.exp(-(math.log(r * 6 * 2**scale) ** 2) / (2 * math.log(0.55) ** 2))
            radial /= 1 + (r / 0.45) ** 30
            off = abs(cmath.phase(cmath.exp(1j * (math.atan2(-u, v) - orientation * math.pi / 4))))
            result[i, j] = radial * math.exp(-(off**2) / (2 * (math.pi / 4 / 1.2) ** 2))
    return result


def _congruency(image: Image) -> Image:
    rows, columns = _fourier(image.shape[0]), _fourier(image.shape[1])
    spectrum = rows @ image @ columns
    above, amplitudes = np.zeros(image.shape), np.zeros(image.shape)
    for orientation in range(4):
        filters = [_filter(image.shape[0], image.shape[1], scale, orientation) for scale in range(4)]
        answers = [rows.conj() @ (spectrum * one) @ columns.conj() / image.size for one in filters]
        summed = sum(answers[1:], answers[0])
        unit = summed / (abs(summed) + 1e-4)
        energy = np.zeros(image.shape)
        for one in answers:
            energy += (one * unit.conj()).real - abs((one * unit.conj()).imag)
            amplitudes += abs(one)
        kernels = [(rows.conj() @ one @ columns.conj()).real / image.size for one in filters]
        together = image.size * (sum(kernels[1:], kernels[0]) ** 2).sum()
        power = np.median(abs(answers[0]) ** 2) / -math.log(0.5) / (filters[0] ** 2).sum()
        tau = math.sqrt(power * together)
        above += np.maximum(
            energy - (tau * math.sqrt(math.pi / 2) + 2 * tau * math.sqrt(2 - math.pi / 2)) / 1.7, 0
        )
    congruency: Image = above / amplitudes
    return congruency


def _slope(image: Image) -> Image:
    wide = np.pad(image, 1)
    across = np.zeros(image.shape)
    down = np.zeros(image.shape)
    h, w = image.shape
    for offset, weight in ((0, 3), (1, 10), (2, 3)):
        across += weight / 16 * (wide[offset : offset + h, 2:] - wide[offset : offset + h, :-2])
        down += weight / 16 * (wide[2:, offset : offset + w] - wide[:-2, offset : offset + w])
    slope: Image = np.sqrt(across**2 + down**2)
    return slope


@pytest.mark.parametrize("shape", [(48, 50), (49, 52)])
def test_fsim_is_that_of_a_second_statement(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x = 128 + 20 * rng.normal(size=shape).cumsum(axis=0)
    y = 0.8 * x + 15 * rng.normal(size=shape)
    one, other = _congruency(x), _congruency(y)
    assert phase_congruency(x) == pytest.approx(one, abs=1e-9)
    g1, g2 = _slope(x), _slope(y)
    similarity = (2 * one * other + 0.85) / (one**2 + other**2 + 0.85)
    similarity *= (2 * g1 * g2 + 160) / (g1**2 + g2**2 + 160)
    weight = np.maximum(one, other)
    expected = (similarity * weight).sum() / weight.sum()
    assert fsim(x, y, data_range=255) == pytest.approx(expected, abs=1e-9)


def _conv2_same(image: Image, step: int) -> Image:
    """MATLAB's `conv2(image, ones(step) / step^2, 'same')`: of the full convolution, the part from step // 2 on."""
    height, width = image.shape
    full = np.zeros((height + step - 1, width + step - 1))
    for i in range(step):
        for j in range(step):
            full[i : i + height, j : j + width] += image / step**2
    return full[step // 2 :, step // 2 :][:height, :width]


@pytest.mark.parametrize(("shape", "step"), [((384, 400), 2), ((641, 650), 3), ((896, 900), 4)])
def test_large_images_are_averaged_as_conv2_does(shape: tuple[int, int], step: int) -> None:
    rng = np.random.default_rng(1)
    x = 128 + 20 * rng.normal(size=shape).cumsum(axis=1)
    y = x + 60 * rng.normal(size=shape)
    small = [_conv2_same(image, step)[::step, ::step] for image in (x, y)]
    assert min(small[0].shape) < 384  # nothing is averaged twice
    assert fsim(x, y, data_range=255) == pytest.approx(fsim(*small, data_range=255), abs=1e-9)
