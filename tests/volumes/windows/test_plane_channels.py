"""Plane channels: one of three is 1."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.volumes.windows.plane_channels import N_PLANES, plane_channels


@pytest.mark.parametrize("axis", range(N_PLANES))
def test_the_channel_of_the_axis_is_1_everywhere_and_the_others_are_0(axis: int) -> None:
    channels = plane_channels(axis, (4, 7))
    assert (channels.shape, channels.dtype) == ((3, 4, 7), np.float32)
    assert (channels[axis] == 1).all()
    assert channels.sum() == 28
