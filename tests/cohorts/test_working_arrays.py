from __future__ import annotations

from pathlib import Path

import numpy as np

from transmodal.cohorts.working_arrays import map_array, resample_array
from transmodal.storage.arrays import npy
from transmodal.volumes import Grid, Volume


def test_an_array_of_another_shape_or_type_is_none(tmp_path: Path) -> None:
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = tmp_path / "a.npy"
    npy.write_npy(path, voxels)
    mapped = map_array(path, (2, 3, 4), np.dtype(np.int16))
    assert mapped is not None
    np.testing.assert_array_equal(mapped, voxels)
    assert not mapped.flags.writeable
    assert map_array(path, (2, 3, 5), np.dtype(np.int16)) is None
    assert map_array(path, (2, 3, 4), np.dtype(np.int32)) is None
    assert map_array(tmp_path / "none.npy", (2, 3, 4), np.dtype(np.int16)) is None


def test_colours_are_rounded() -> None:
    colours = np.zeros((2, 1, 1, 3), np.uint8)
    colours[1] = 255
    halfway = np.eye(4)
    halfway[0, 3] = 0.25
    moved = resample_array(Volume(colours, np.eye(4)), Grid((1, 1, 1), halfway), "linear", np.dtype(np.uint8))
    assert moved.dtype == np.uint8
    assert moved[0, 0, 0].tolist() == [64, 64, 64]
