"""Grids: affines that place nothing."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.volumes import Volume


@pytest.mark.parametrize("number", [1e300, -1e300, 1e38, 2e9, float("nan"), float("inf"), 0.0])
@pytest.mark.parametrize("place", [(0, 0), (1, 2), (0, 3)])
def test_affines_that_place_nothing_are_refused(number: float, place: tuple[int, int]) -> None:
    affine = np.eye(4)
    affine[place] = number
    if number == 0 and place != (0, 0):
        assert Volume(np.zeros((2, 3, 4), np.int16), affine).spacing == (1, 1, 1)
        return
    with pytest.raises(InputError) as caught:
        Volume(np.zeros((2, 3, 4), np.int16), affine)
    assert caught.value.code == "E112"
