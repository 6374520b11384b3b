from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import ResourceError
from transmodal.storage import files
from transmodal.storage.arrays import kept

VOXELS = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    kept.write_array(tmp_path / "sub.1-abc.npy", VOXELS)
    return tmp_path / "sub.1-abc.npy"


def test_an_array_comes_back_under_its_hash(place: Path) -> None:
    existing = kept.find_array(place, VOXELS.shape, VOXELS.dtype)
    assert existing is not None
    np.testing.assert_array_equal(existing.array, VOXELS)
    assert existing.path.name == f"sub.1-abc.{files.sha256_array(VOXELS)[:32]}.npy"
    assert not existing.array.flags.writeable
    assert kept.find_array(place, (3, 4, 6)) is None
    assert kept.find_array(place, None, np.dtype(np.int8)) is None
    assert kept.find_array(place.with_name("sub.npy")) is None
    assert kept.find_array(place.with_name("sub.1.npy")) is None
    assert kept.find_array(place.parent / "nowhere" / "a.npy") is None


@pytest.mark.parametrize("damage", ["flip", "clear", "cut", "empty"])
def test_a_damaged_array_is_never_taken(damage: str, place: Path, caplog: pytest.LogCaptureFixture) -> None:
    (path,) = place.parent.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-3] ^= 16
    path.write_bytes({"flip": content, "cut": content[:-1], "empty": b""}.get(damage, content))
    if damage == "clear":
        np.save(path, np.zeros_like(VOXELS))
    assert kept.find_array(place) is None
    assert "it is made again" in caplog.text
    assert not path.exists()
    np.testing.assert_array_equal(kept.write_array(place, VOXELS), VOXELS)
    assert kept.find_array(place) is not None


def test_an_array_that_was_kept_without_a_hash_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "a.npy"
    np.save(place, VOXELS)
    assert kept.find_array(place) is None
    kept.write_array(place, VOXELS)
    (path,) = tmp_path.iterdir()
    assert path != place
    assert kept.digest_in_name(place) == ""
    assert len(kept.digest_in_name(path)) == 32


def find_or_make(place: Path, voxels: NDArray[Any]) -> NDArray[Any]:
    return kept.find_or_make_array(place, voxels.shape, voxels.dtype, lambda: voxels)


def test_an_array_that_cannot_be_written_is_kept_in_memory_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("transmodal.storage.arrays.kept._in_memory", {})
    (tmp_path / "working").write_text("a file where a folder would go")
    for name in ("a.npy", "b.npy"):
        place, voxels = tmp_path / "working" / "case" / name, np.ones((1, 2, 3))
        array = find_or_make(place, voxels)
        assert find_or_make(place, np.zeros((1, 2, 3))) is array
        assert not array.flags.writeable
    assert caplog.text.count("working arrays cannot be kept in") == 1


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    place, voxels = tmp_path / "working" / "a.npy", np.arange(6, dtype=np.int16).reshape(1, 2, 3)
    find_or_make(place, voxels)
    np.testing.assert_array_equal(find_or_make(place, np.zeros_like(voxels)), voxels)
    assert find_or_make(place, np.zeros((1, 2, 4), np.int16)).shape == (1, 2, 4)  # another shape: made anew


def test_a_full_disk_is_no_reason_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ResourceError("E403", "the disk is full", "room", "Free space.")

    monkeypatch.setattr("transmodal.storage.arrays.kept._in_memory", {})
    monkeypatch.setattr("transmodal.storage.arrays.npy.write_npy", fail)
    assert find_or_make(tmp_path / "working" / "a.npy", np.ones((1, 2, 3))).sum() == 6
    assert "the disk is full" in caplog.text
