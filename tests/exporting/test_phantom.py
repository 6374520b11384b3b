"""The phantom: equal every time, in the sources' own ranges, no larger than the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from transmodal.exporting import phantom
from transmodal.inference.model import Model
from transmodal.volumes.intensity import IntensitySpec


def test_it_is_the_same_every_time_and_fits(small: Callable[..., Model]) -> None:
    preprocessing = replace(
        small().preprocessing,
        sources=("t1", "ct", "colour"),
        specs={
            "t1": IntensitySpec("percentile", 0.5, 99.5),
            "ct": IntensitySpec("window", -1000, 2000),
            "colour": IntensitySpec("window", 0, 255),
        },
        source_channels={"colour": 3},
    )
    first, again = (phantom.build(preprocessing, (32, 24)) for _ in range(2))
    assert all(np.array_equal(first[name].voxels, volume.voxels) for name, volume in again.items())
    assert max(first["t1"].grid.shape) <= 24
    assert (first["t1"].voxels.min(), first["t1"].voxels.max() > 500) == (0, True)
    assert first["ct"].voxels.min() == -1000
    assert first["ct"].voxels.max() > 1000
    assert first["colour"].voxels.shape == (*first["t1"].grid.shape, 3)
    assert not np.array_equal(first["colour"].voxels[..., 0], first["colour"].voxels[..., 1])
