"""Grids beyond the budget are refused before a voxel of them is made."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from transmodal.errors import ResourceError
from transmodal.storage import memory
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import resample, working_grid


def test_a_working_grid_beyond_the_budget_is_refused_before_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A header that says 200 mm where 2 mm was meant asks for hundreds of GiB."""
    source = Grid((40, 44, 36), np.diag([200.0, 200, 200, 1]))
    with pytest.raises(ResourceError, match="40 x 44 x 36 voxels of 200 x 200 x 200 mm") as caught:
        working_grid(source, 2.0)
    assert caught.value.code == "E401"
    assert "236 GiB" in caught.value.got
    assert working_grid(source, 20.0).shape == (400, 440, 360)
    monkeypatch.setenv(memory.MEMORY, "1")
    with pytest.raises(ResourceError, match=r"at most 0\.25 GiB") as caught:
        working_grid(source, (20.0, 15.0, 20.0))
    monkeypatch.setenv(memory.BUDGET, caught.value.remedy.partition(f"{memory.BUDGET}=")[2].rstrip("."))
    assert working_grid(source, (20.0, 15.0, 20.0)).shape == (400, 587, 360)
    with pytest.raises(ResourceError):
        working_grid(Grid((3, 3, 3), np.diag([1e8, 1e8, 1e8, 1])), 0.01)


def test_a_volume_is_not_resampled_onto_a_grid_beyond_the_budget() -> None:
    volume = Volume(np.zeros((40, 44, 36), np.float32), np.diag([200.0, 200, 200, 1]))
    tracemalloc.start()
    with pytest.raises(ResourceError, match="40 x 44 x 36 voxels of 200 x 200 x 200 mm") as caught:
        resample(volume, Grid((4000, 4400, 3600), np.diag([2.0, 2, 2, 1])))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "E401"
    assert peak < 1 << 20
