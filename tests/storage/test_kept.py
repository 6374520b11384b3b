from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal.storage import files, kept

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
