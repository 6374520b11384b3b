from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import IntegrityError
from transmodal.storage import files
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.voxels import to_real


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3, 5, 7), (2, 3, 4, 3), (6,)])
def test_an_array_hashes_as_the_type_that_is_asked_for(order: Any, shape: tuple[int, ...]) -> None:  # noqa: ANN401 - parametrised
    array = np.asarray(np.random.default_rng(1).integers(-900, 900, shape), dtype=np.int16, order=order)
    as_float = array.astype("<f4")
    by_hand = hashlib.sha256(f"<f4{array.shape}".encode() + as_float.tobytes()).hexdigest()
    assert files.sha256_array(array, np.float32) == files.sha256_array(as_float) == by_hand
    assert files.sha256_array(array) != by_hand


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.0, np.nan], [np.inf, -0.0]], np.float32),
        np.zeros((0, 3), np.int16),
        np.array(7, np.uint8),
        np.arange(24, dtype=np.int32).reshape(2, 3, 4).transpose(2, 0, 1),
    ],
    ids=["not finite", "empty", "no axis", "transposed"],
)
def test_npy_comes_back_bit_by_bit(tmp_path: Path, array: NDArray[Any]) -> None:
    digest = files.write_npy(tmp_path / "x.npy", array)
    back = files.read_npy(tmp_path / "x.npy", sha256=digest)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_npy_is_what_numpy_writes(tmp_path: Path) -> None:
    array = np.asfortranarray(np.random.default_rng(1).normal(size=(5, 3, 2)).astype(np.float32))
    files.put_npy(tmp_path / "ours.npy", array)
    np.save(tmp_path / "theirs.npy", np.ascontiguousarray(array))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()


@pytest.mark.parametrize("n", [1, 7, 8, 4096, 4097, 9000])
def test_long_arrays_are_written_part_by_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    monkeypatch.setattr(files, "_CHUNK", 4096)
    array = np.random.default_rng(n).integers(0, 255, n).astype(np.uint8)
    digest = files.put_npy(tmp_path / "x.npy", array)
    assert digest == files.sha256_array(array)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), array)


CHANGES = ["a bit", "the last bit", "the sign of zero", "the type", "the shape", "shorter", "longer"]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("write", [files.write_npy, files.put_npy])
def test_a_disk_that_writes_something_else_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, write: Callable[..., str]
) -> None:
    def put(path: Path, array: NDArray[Any]) -> str:
        last = array.copy()
        last[-1, -1] += 1
        other = {
            "a bit": array + np.float32(np.arange(9).reshape(3, 3) == 4),
            "the last bit": last,
            "the sign of zero": np.where(array == 0, np.float32(-0.0), array),
            "the type": array.view(np.int32),
            "the shape": array.reshape(9, 1),
        }.get(change, array)
        digest = original(path, other)
        content = path.read_bytes()
        path.write_bytes({"shorter": content[:-1], "longer": content + b"0"}.get(change, content))
        return digest

    original = files._write_hashed
    monkeypatch.setattr(files, "_write_hashed", put)
    with pytest.raises(IntegrityError, match=r"x\.npy does not read back equal") as caught:
        write(tmp_path / "x.npy", np.arange(9, dtype=np.float32).reshape(3, 3))
    assert caught.value.code == "E503"


def test_what_does_not_read_back_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_is_equal_npy", lambda path, array: False)
    with pytest.raises(IntegrityError):
        files.write_npy(tmp_path / "x.npy", np.zeros(3))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 1, 1), (4, 2, 3, 3)])
def test_voxels_are_read_into_c_order_and_their_own_memory(shape: tuple[int, ...]) -> None:
    raw = np.asfortranarray(np.random.default_rng(2).integers(0, 99, shape).astype(">i2"))
    values = to_real(raw, "x", "refuse")
    assert values.flags.c_contiguous
    assert values.dtype == np.dtype("int16")
    assert not np.shares_memory(values, raw)
    np.testing.assert_array_equal(values, raw)


def test_fitting_percentiles_leaves_the_voxels_alone() -> None:
    voxels = np.random.default_rng(3).normal(size=(5, 4, 3))
    before = voxels.copy()
    fit(IntensitySpec("percentile", 10, 90), voxels, None)
    np.testing.assert_array_equal(voxels, before)
