from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, IntegrityError
from transmodal.storage import files
from transmodal.storage.arrays import npy


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
    digest = npy.write_npy(tmp_path / "x.npy", array)
    back = npy.read_npy(tmp_path / "x.npy", sha256=digest)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_npy_is_what_numpy_writes(tmp_path: Path) -> None:
    array = np.asfortranarray(np.random.default_rng(1).normal(size=(5, 3, 2)).astype(np.float32))
    npy.put_npy(tmp_path / "ours.npy", array)
    np.save(tmp_path / "theirs.npy", np.ascontiguousarray(array))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()


@pytest.mark.parametrize("n", [1, 7, 8, 4096, 4097, 9000])
def test_long_arrays_are_written_part_by_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    monkeypatch.setattr(npy, "_CHUNK", 4096)
    array = np.random.default_rng(n).integers(0, 255, n).astype(np.uint8)
    digest = npy.put_npy(tmp_path / "x.npy", array)
    assert digest == files.sha256_array(array)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), array)


CHANGES = ["a bit", "the last bit", "the sign of zero", "the type", "the shape", "shorter", "longer"]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("write", [npy.write_npy, npy.put_npy])
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

    original = npy._write_hashed
    monkeypatch.setattr(npy, "_write_hashed", put)
    with pytest.raises(IntegrityError, match=r"x\.npy does not read back equal") as caught:
        write(tmp_path / "x.npy", np.arange(9, dtype=np.float32).reshape(3, 3))
    assert caught.value.code == "E503"


def test_what_does_not_read_back_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "_is_equal_npy", lambda path, array: False)
    with pytest.raises(IntegrityError):
        npy.write_npy(tmp_path / "x.npy", np.zeros(3))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("letter", [b"(", b"{", b'"', b"\0", b"0"])
def test_a_letter_in_the_padding_of_a_header_is_refused(letter: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    npy.write_npy(path, np.arange(6.0))
    content = path.read_bytes()
    path.write_bytes(content[:120] + letter + content[121:])
    with pytest.raises(InputError) as caught:
        npy.read_npy(path)
    assert caught.value.code == "E101"
