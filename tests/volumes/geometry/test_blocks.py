from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.volumes.geometry.blocks import block_means


def by_hand(voxels: NDArray[np.generic], factors: tuple[int, int, int]) -> NDArray[np.float64]:
    counts = [n // factor for n, factor in zip(voxels.shape, factors, strict=True)]
    means = np.empty(counts)
    for place in np.ndindex(*counts):
        block = tuple(slice(n * f, (n + 1) * f) for n, f in zip(place, factors, strict=True))
        means[place] = voxels[block].astype(np.float64).mean()
    return means


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16])
@pytest.mark.parametrize("factors", [(1, 1, 1), (2, 2, 2), (4, 4, 1), (3, 1, 5), (11, 13, 9)])
def test_means_of_integers_are_exact(factors: tuple[int, int, int], dtype: type[np.integer]) -> None:
    ends = np.iinfo(dtype)
    voxels = np.random.default_rng(0).integers(ends.min, ends.max, (11, 13, 9), dtype, endpoint=True)
    means = block_means(voxels, factors)
    assert means.dtype == np.float32
    np.testing.assert_array_equal(means, by_hand(voxels, factors).astype(np.float32))


def test_means_of_real_numbers_in_any_layout() -> None:
    voxels = np.random.default_rng(1).normal(size=(7, 10, 8)).astype(np.float32)
    for laid in (voxels, np.asfortranarray(voxels), voxels[::-1, :, ::-1]):
        np.testing.assert_allclose(
            block_means(laid, (2, 3, 4)), by_hand(laid, (2, 3, 4)), rtol=1e-5, atol=1e-6
        )
