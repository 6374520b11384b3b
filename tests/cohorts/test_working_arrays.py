from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.working_arrays import find_array, keep_array, map_array, resample_array
from transmodal.errors import ResourceError
from transmodal.volumes import Grid, Volume


def test_an_array_of_another_shape_or_type_is_none(tmp_path: Path) -> None:
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    np.testing.assert_array_equal(keep_array(tmp_path / "working" / "a.npy", voxels), voxels)
    (path,) = (tmp_path / "working").iterdir()
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


def test_an_array_that_cannot_be_written_is_kept_in_memory_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("transmodal.cohorts.working_arrays._in_memory", {})
    (tmp_path / "working").write_text("a file where a folder would go")
    for name in ("a.npy", "b.npy"):
        place, voxels = tmp_path / "working" / "case" / name, np.ones((1, 2, 3))
        kept = keep_array(place, voxels)
        assert find_array(place, (1, 2, 3), np.dtype(np.float64)) is kept
        assert not kept.flags.writeable
    assert caplog.text.count("working arrays cannot be kept in") == 1
    assert find_array(tmp_path / "working" / "case" / "c.npy", (1, 2, 3), np.dtype(np.float64)) is None


def test_a_full_disk_is_no_reason_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ResourceError("E403", "the disk is full", "room", "Free space.")

    monkeypatch.setattr("transmodal.cohorts.working_arrays._in_memory", {})
    monkeypatch.setattr("transmodal.storage.npy.write_npy", fail)
    assert keep_array(tmp_path / "working" / "a.npy", np.ones((1, 2, 3))).sum() == 6
    assert "the disk is full" in caplog.text
