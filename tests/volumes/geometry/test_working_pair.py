"""The two sides of a registration: coarse grids, masks, centres, and what gives nothing to register by."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.geometry.working_pair import WorkingPair, centre_of_mass, coarsen

RAMP = np.arange(12 * 10 * 9, dtype=np.int16).reshape(12, 10, 9)


def test_coarse_grids_are_ras_and_never_finer_than_the_volume() -> None:
    volume = Volume(RAMP, np.diag([-1.0, 1.0, 6.0, 1.0]))
    coarse = coarsen(volume, 4.0)
    assert coarse.orientation == "RAS"
    assert coarse.spacing == pytest.approx((4.0, 4.0, 6.0))
    assert coarse.voxels.dtype == np.float32


def test_the_mask_follows_its_volume() -> None:
    mask = np.zeros(RAMP.shape, bool)
    mask[:6] = True
    pair = WorkingPair.of(Volume(RAMP, np.eye(4)), Volume(RAMP, np.eye(4)), mask, "correlation")
    np.testing.assert_array_equal(pair.inside(), mask)
    coarse = pair.at(3.0)
    np.testing.assert_array_equal(coarse.inside()[:2], True)
    np.testing.assert_array_equal(coarse.inside()[2:], False)
    whole = WorkingPair.of(pair.fixed, pair.moving, None, "correlation")
    assert whole.inside().all()
    assert coarse.metric == "correlation"


def test_the_centre_of_a_ball_is_its_centre_whatever_the_background() -> None:
    i, j, k = np.indices((21, 19, 17))
    ball = ((i - 12) ** 2 + (j - 9) ** 2 + (k - 5) ** 2 <= 16) * 100.0 - 1000
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (-7, 3, 1)
    np.testing.assert_allclose(centre_of_mass(Volume(ball, affine)), (17, 21, 11), atol=1e-9)


def test_what_gives_nothing_to_register_by_is_refused() -> None:
    ramp, flat = Volume(RAMP, np.eye(4)), Volume(np.ones(RAMP.shape), np.eye(4))
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    colour = Volume(np.zeros((*RAMP.shape, 3), np.uint8), np.eye(4))
    for moving, mask, code in (
        (flat, None, "E124"),
        (colour, None, "E122"),
        (Volume(RAMP, sheared), None, "E112"),
        (ramp, np.zeros(RAMP.shape, bool), "E124"),
    ):
        with pytest.raises(InputError) as refused:
            WorkingPair.of(ramp, moving, mask, "correlation")
        assert refused.value.code == code
