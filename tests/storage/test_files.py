from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from transmodal.storage import files
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.voxels import to_real


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3, 5, 7), (2, 3, 4, 3), (6,)])
def test_an_array_hashes_as_the_type_that_is_asked_for(order: Any, shape: tuple[int, ...]) -> None:  # noqa: ANN401 - parametrised
    array = np.asarray(np.random.default_rng(1).integers(-900, 900, shape), dtype=np.int16, order=order)
    as_float = array.astype("<f4")
    by_hand = hashlib.sha256(f"<f4{array.shape}".encode() + as_float.tobytes()).hexdigest()
    assert files.sha256_array(array, np.float32) == files.sha256_array(as_float) == by_hand
    assert files.sha256_array(array) != by_hand


@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 1, 1), (4, 2, 3, 3)])
def test_voxels_are_read_into_c_order_and_their_own_memory(shape: tuple[int, ...]) -> None:
    raw = np.asfortranarray(np.random.default_rng(2).integers(0, 99, shape).astype(">i2"))
    values = to_real(raw, "x", "refuse")
    assert values.flags.c_contiguous
    assert values.dtype == np.dtype("int16")
    assert not np.shares_memory(values, raw)
    np.testing.assert_array_equal(values, raw)


def test_fitting_percentiles_leaves_the_voxels_alone() -> None:
    voxels = np.random.default_rng(3).normal(size=(5, 4, 3))
    before = voxels.copy()
    fit(IntensitySpec("percentile", 10, 90), voxels, None)
    np.testing.assert_array_equal(voxels, before)
