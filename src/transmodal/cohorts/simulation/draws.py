"""Random generators by purpose, and smooth fields: cubic B-splines on coarse lattices, expanded axis by axis."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Axes = Sequence[NDArray[np.float64]]

_GAIN = np.float32((151 / 315) ** -1.5)
"""Factor that brings a spline with coefficients of variance 1 to variance 1 on average, in three dimensions."""


def stream(seed: int, index: int, purpose: str) -> np.random.Generator:
    """Return the generator of one purpose of one subject.

    Each purpose has its own: what is drawn for one modality does not depend on which others are made.
    """
    digest = hashlib.blake2b(f"{seed}/{index}/{purpose}".encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest))


def expand(coefficients: Floats, positions: Axes) -> Floats:
    """Evaluate a cubic B-spline on the open grid of three position axes.

    Args:
        coefficients: `(a, b, c)`; coefficient m lies at position m, the outermost are repeated beyond.
        positions: `(I,)`, `(J,)`, `(K,)` in steps of the lattice.

    Returns:
        `(I, J, K)`. No matrix product is involved, so that it does not depend on the number of threads.
    """
    field: Floats = np.asarray(coefficients, np.float32)
    for axis, places in enumerate(positions):
        first = np.floor(places).astype(np.intp)
        weights = _weights((places - first).astype(np.float32))
        shape = [1, 1, 1]
        shape[axis] = places.size
        last = field.shape[axis] - 1
        terms = [
            np.take(field, (first - 1 + m).clip(0, last), axis) * weight.reshape(shape)
            for m, weight in enumerate(weights)
        ]
        field = terms[0] + terms[1] + terms[2] + terms[3]
    return field


def noise(rng: np.random.Generator, axes: Axes, step: float) -> Floats:
    """Draw a smooth random field of mean 0 and variance 1 on the open grid of three axes.

    Args:
        rng: where the coefficients come from.
        axes: ascending coordinates of the grid.
        step: distance of the coefficients, in the axes' unit; structures are about twice as large.
    """
    positions = [(axis - axis[0]) / step + 1 for axis in axes]
    shape = [int(places[-1]) + 3 for places in positions]
    return expand(rng.standard_normal(shape, dtype=np.float32) * _GAIN, positions)


def _weights(t: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the four cubic B-spline weights at the fraction `t` of a step."""
    s = 1 - t
    return s**3 / 6, 2 / 3 - t**2 + t**3 / 2, 2 / 3 - s**2 + s**3 / 2, t**3 / 6
