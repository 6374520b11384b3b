"""Reading samples along one axis at positions between them: one matrix per axis, one product per axis."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Smooth = Literal["linear", "cubic"]
Matrix = NDArray[np.float32]
Weights = NDArray[np.floating[Any]]

_FWHM = 2.3548
"""Full width at half maximum of a Gaussian, in standard deviations."""

COARSER = 1.001
"""Up to this factor between the spacings nothing is smoothed."""


def sampling_matrix(
    n: int, positions: NDArray[np.float64], factor: float, *, how: Smooth = "linear"
) -> Matrix:
    """Return the matrix `(len(positions), n)` that reads `n` samples at positions between them.

    Rows sum to 1. Constants and, between the samples, linear ramps come out exactly with `linear`.

    Args:
        n: number of samples; sample `i` lies at position `i`.
        positions: where to read; outside 0 to n - 1 `linear` continues the edge, `cubic` mirrors.
        factor: spacing of the positions in samples; above `COARSER` the samples are smoothed first.
        how: `linear`, or `cubic` (interpolating B-spline).
    """
    weights = _linear_weights(n, positions) if how == "linear" else _cubic_weights(n, positions)
    if factor > COARSER:
        weights = weights @ smoothing_matrix(n, factor)
    return np.ascontiguousarray(weights, dtype=np.float32)


def smoothing_matrix(n: int, factor: float) -> Weights:
    """Return the `(n, n)` matrix that smooths samples before they are read `factor > 1` times coarser.

    A Gaussian of FWHM `sqrt(factor^2 - 1)` samples makes up the difference between the two widths. Near
    an end it is cut off alike on both sides, so that no edge is shifted and no ramp is bent.
    """
    sigma = float(np.sqrt(factor**2 - 1) / _FWHM)
    index = np.arange(n)
    distance = np.abs(index[:, None] - index)
    reach = np.minimum(np.minimum(index, n - 1 - index), np.ceil(4 * sigma))[:, None]
    weights = np.where(distance <= reach, np.exp(-0.5 * (distance / sigma) ** 2), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def nearest_index(n: int, positions: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the sample nearest to each position; of two the one nearer to the middle.

    So a mirrored axis gives the mirrored result (but for a position between two samples in the very middle).
    """
    inward = 1e-6 * np.sign((n - 1) / 2 - positions)
    return np.clip(np.rint(positions + inward), 0, n - 1).astype(np.intp)


def multiply_axis(matrix: Matrix, values: NDArray[Any], axis: int) -> NDArray[np.float32]:
    """Multiply one axis of float32 `values` by a matrix."""
    if axis == values.ndim - 1:
        product: NDArray[np.float32] = values @ matrix.T
        return product
    shape = values.shape
    product = matrix @ values.reshape(*shape[: axis + 1], -1)
    return product.reshape(*shape[:axis], len(matrix), *shape[axis + 1 :])


def _linear_weights(n: int, positions: NDArray[np.float64]) -> Weights:
    distance = np.abs(np.clip(positions, 0, n - 1)[:, None] - np.arange(n))
    weights: Weights = np.maximum(0.0, 1.0 - distance)
    return weights


def _cubic_weights(n: int, positions: NDArray[np.float64]) -> Weights:
    """Read B-spline coefficients, which are found so that the spline goes through the samples."""
    if n == 1:
        return np.ones((len(positions), 1))
    through = _spline_weights(n, np.arange(n, dtype=float))
    weights: Weights = np.linalg.solve(through.T, _spline_weights(n, positions).T).T
    # Far weights fall to denormal numbers, which add nothing and make products ten times slower.
    weights[np.abs(weights) < 1e-12] = 0
    return weights


def _spline_weights(n: int, positions: NDArray[np.float64]) -> Weights:
    """Return the cubic B-spline's weights on coefficients that are mirrored at both ends."""
    weights = np.zeros((len(positions), n))
    first = np.floor(positions).astype(int) - 1
    for step in range(4):
        index = first + step
        distance = np.abs(positions - index)
        near = 2 / 3 - distance**2 * (1 - distance / 2)
        far = np.maximum(0.0, 2 - distance) ** 3 / 6
        folded = np.abs(index) % (2 * n - 2)
        folded = np.minimum(folded, 2 * n - 2 - folded)
        np.add.at(weights, (np.arange(len(positions)), folded), np.where(distance < 1, near, far))
    return weights
