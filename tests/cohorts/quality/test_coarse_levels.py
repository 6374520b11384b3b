from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from transmodal.cohorts.quality.coarse_levels import LevelReader


@pytest.mark.parametrize("shape", [(9, 7, 11), (6, 1, 5), (1, 1, 1), (2, 8, 1)])
def test_levels_are_read_as_scipy_reads_them(shape: tuple[int, int, int]) -> None:
    draw = np.random.default_rng(0)
    levels = (23 * draw.random(shape)).astype(np.float32)
    where = draw.uniform(-2, 12, (3, 4000))
    where[:, :600] = draw.integers(-2, 12, (3, 600)) / 2  # on the voxels and half way between them
    wanted = ndimage.map_coordinates(levels, where, order=1, mode="nearest")
    np.testing.assert_array_equal(LevelReader(levels).read(where), np.rint(wanted))
