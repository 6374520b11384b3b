from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.bias import without_bias

SHAPE = (30, 33, 27)


def heads() -> tuple[Volume, Volume]:
    """Two tissues without and with a smooth field."""
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    head = i**2 + j**2 + k**2 < 0.8
    flat = np.where(head, 600 + 300 * (np.sin(9 * i) > 0), 0) + np.random.default_rng(0).random(SHAPE)
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    return Volume(flat.astype(np.float32), affine), Volume(
        (flat * np.exp(0.35 * k)).astype(np.float32), affine
    )


def test_a_smooth_field_is_taken_out() -> None:
    flat, uneven = heads()
    found = without_bias(uneven)
    inside = flat.voxels > 300
    assert found.voxels.dtype == np.float32
    assert found.grid == uneven.grid

    def spread(volume: Volume) -> float:
        ratio = volume.voxels[inside] / flat.voxels[inside]
        return float(ratio.std() / ratio.mean())

    assert spread(found) < 0.4 * spread(uneven)
    np.testing.assert_array_equal(without_bias(uneven).voxels, found.voxels)


@pytest.mark.parametrize(("low", "high", "code"), [(-1.0, 3.0, "E123"), (2.0, 2.0, "E124")])
def test_what_has_no_field_is_refused(low: float, high: float, code: str) -> None:
    voxels = np.full((4, 4, 4), low, np.float32)
    voxels[1] = high
    with pytest.raises(InputError) as caught:
        without_bias(Volume(voxels, np.eye(4)))
    assert caught.value.code == code
