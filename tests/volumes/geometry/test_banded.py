"""Banded products: those of the dense matrix but for rounding."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.volumes.geometry import banded, interpolation
from transmodal.volumes.geometry.banded import to_bands


@pytest.mark.parametrize(
    ("n", "out", "factor"), [(20, 33, 0.6), (50, 20, 2.5), (1, 4, 0.25), (7, 1, 7.0), (16, 16, 1.0)]
)
@pytest.mark.parametrize("axis", [1, 2])
def test_the_product_is_the_dense_one(n: int, out: int, factor: float, axis: int) -> None:
    positions = (np.arange(out) + 0.5) * factor - 0.5
    matrix = interpolation.sampling_matrix(n, positions, factor)
    shape = [3, 11, 11]
    shape[axis] = n
    values = np.random.default_rng(n).normal(size=shape).astype(np.float32)

    product = banded.multiply_axis(to_bands(matrix), values, axis)

    assert product.dtype == np.float32
    np.testing.assert_allclose(product, interpolation.multiply_axis(matrix, values, axis), rtol=0, atol=1e-6)


def test_zeros_are_left_out_and_rows_of_zeros_give_zero() -> None:
    matrix = np.zeros((16, 40), np.float32)
    matrix[5, 30] = 2.0
    bands = to_bands(matrix)
    assert sum(band.weights.size for band in bands.bands) <= 16
    product = banded.multiply_axis(bands, np.ones((1, 3, 40), np.float32), 2)
    assert product.sum() == 3 * 2.0
    assert (product[0, :, 5] == 2.0).all()
