"""Banded matrices: of each part of the rows only the columns that are not zero are multiplied.

A matrix that reads samples along an axis has a few weights in each row, near its diagonal: nearly all of a dense product
is by zeros.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.volumes.geometry.interpolation import Matrix

_BANDS = 8


class Band(NamedTuple):
    """The weights of neighbouring rows.

    Attributes:
        rows: which.
        columns: outside of them the weights are 0.
        weights: the rest, `(rows, columns)`.
    """

    rows: slice
    columns: slice
    weights: Matrix


class Banded(NamedTuple):
    """A matrix of `n_rows` in bands."""

    n_rows: int
    bands: tuple[Band, ...]


def to_bands(matrix: Matrix) -> Banded:
    """Return a matrix in bands of about as many rows each, read-only."""
    edges = np.linspace(0, len(matrix), min(_BANDS, len(matrix)) + 1).astype(int).tolist()
    return Banded(len(matrix), tuple(_band(matrix, first, last) for first, last in pairwise(edges)))


def multiply_axis(matrix: Banded, values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Multiply an axis of float32 `values`, the last one or the one before it, by a matrix."""
    is_last = axis == values.ndim - 1
    shape = (*values.shape[:axis], matrix.n_rows, *values.shape[axis + 1 :])
    product: NDArray[Any] = np.empty(shape, np.float32)
    for rows, columns, weights in matrix.bands:
        if is_last:
            np.matmul(values[..., columns], weights.T, out=product[..., rows])
        else:
            np.matmul(weights, values[..., columns, :], out=product[..., rows, :])
    return product


def _band(matrix: Matrix, first: int, last: int) -> Band:
    nonzero = np.flatnonzero((matrix[first:last] != 0).any(axis=0))
    columns = slice(int(nonzero[0]), int(nonzero[-1]) + 1) if nonzero.size else slice(0, 1)
    weights = np.ascontiguousarray(matrix[first:last, columns])
    weights.setflags(write=False)
    return Band(slice(first, last), columns, weights)
