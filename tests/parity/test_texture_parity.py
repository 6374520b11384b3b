"""STSIM from a second statement: a pyramid by Fourier matrices at full resolution, statistics by numpy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.metrics.suite.stsim import pyramid, stsim1, stsim2

Image = NDArray[np.float64]
C = 1e-10


def _fourier(n: int) -> NDArray[np.complex128]:
    k = np.arange(n)
    matrix: NDArray[np.complex128] = np.exp(-2j * np.pi * np.outer(k, k) / n)
    return matrix


def _rising(r: float, edge: float) -> float:
    """The high-pass, stated by cases."""
    if r >= edge:
        return 1.0
    if r <= edge / 2:
        return 0.0
    return float(np.cos(np.pi / 2 * np.log(r / edge) / np.log(2)))


def _filters(height: int, width: int) -> dict[object, NDArray[np.complex128]]:
    filters: dict[object, NDArray[np.complex128]] = {
        key: np.zeros((height, width), complex)
        for key in ["high", "low", *((s, k) for s in range(3) for k in range(4))]
    }
    for i in range(height):
        for j in range(width):
            u = 2 * np.pi * (i - height if 2 * i >= height else i) / height
            v = 2 * np.pi * (j - width if 2 * j >= width else j) / width
            r = float(np.sqrt(u * u + v * v))
            filters["high"][i, j] = _rising(r, np.pi)
            filters["low"][i, j] = np.sqrt(1 - _rising(r, np.pi / 8) ** 2)
            for s in range(3):
                ring = np.sqrt(1 - _rising(r, np.pi / 2**s) ** 2) * _rising(r, np.pi / 2 ** (s + 1))
                for k in range(4):
                    along = (v * np.cos(k * np.pi / 4) + u * np.sin(k * np.pi / 4)) / r if r else 0.0
                    filters[s, k][i, j] = 1j * ring * along**3 * np.sqrt(4 / 5)
    return filters


def _bands(image: Image) -> dict[object, Image]:
    rows, columns = _fourier(image.shape[0]), _fourier(image.shape[1])
    spectrum = rows @ image @ columns
    steps: dict[object, int] = {"high": 1, "low": 8}
    steps |= {(s, k): 2**s for s in range(3) for k in range(4)}
    result = {}
    for key, one in _filters(*image.shape).items():
        full = (rows.conj() @ (spectrum * one) @ columns.conj()).real / image.size
        result[key] = full[:: steps[key], :: steps[key]]
    return result


def _lag(x: Image, axis: int) -> float:
    d = x - x.mean()
    a, b = (d[:, :-1], d[:, 1:]) if axis else (d[:-1], d[1:])
    return float(np.clip(((a * b).mean() + C) / (x.var() + C), -1, 1))


def _q(x: Image, y: Image) -> float:
    light = (2 * x.mean() * y.mean() + C) / (x.mean() ** 2 + y.mean() ** 2 + C)
    contrast = (2 * np.sqrt(x.var() * y.var()) + C) / (x.var() + y.var() + C)
    c01, c10 = (1 - abs(_lag(x, axis) - _lag(y, axis)) / 2 for axis in (1, 0))
    return float((max(light, 0) * contrast * c01 * c10) ** (1 / 4))


def _pairs(bands: dict[object, Image]) -> list[float]:
    found = [(bands[s, a], bands[s, b]) for s in range(3) for a, b in combinations(range(4), 2)]
    found += [(bands[s, k][::2, ::2], bands[s + 1, k]) for s in range(2) for k in range(4)]
    return [float(np.corrcoef(abs(a).ravel(), abs(b).ravel())[0, 1]) for a, b in found]


@pytest.mark.parametrize("shape", [(32, 40), (48, 32), (64, 56)])
def test_stsim_is_that_of_an_independent_pyramid(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(shape[0])
    x = rng.random(shape).cumsum(axis=0) / 8
    y = 0.8 * x + 0.2 * rng.random(shape)
    ours, theirs, their_y = pyramid(x), _bands(x), _bands(y)
    for s in range(3):
        for k in range(4):
            assert ours.bands[s][k] == pytest.approx(theirs[s, k], abs=1e-9)
    assert ours.high == pytest.approx(theirs["high"], abs=1e-9)
    assert ours.low == pytest.approx(theirs["low"], abs=1e-9)
    within = [_q(theirs[key], their_y[key]) for key in theirs]
    across = [1 - abs(a - b) / 2 for a, b in zip(_pairs(theirs), _pairs(their_y), strict=True)]
    assert (len(within), len(across)) == (14, 26)
    assert stsim1(x, y, data_range=1) == pytest.approx(np.mean(within), abs=1e-6)
    assert stsim2(x, y, data_range=1) == pytest.approx(np.mean(within + across), abs=1e-6)
