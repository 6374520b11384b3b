from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.storage import files
from transmodal.storage.arrays import npy, verified

VOXELS = np.random.default_rng(0).random((7, 5, 3)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    npy.write_npy(tmp_path / "fa.npy", VOXELS)
    return tmp_path / "fa.npy"


@pytest.fixture
def n_hashed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return a function that returns how many files were read to be hashed."""
    hashed: list[Path] = []
    digest = verified._digest

    def count(path: Path, array: NDArray[np.float32]) -> str:
        hashed.append(path)
        return digest(path, array)

    monkeypatch.setattr(verified, "_digest", count)
    return lambda: len(hashed)


def is_whole(path: Path, sha256: str | None = None) -> bool:
    return verified.is_whole(
        path, npy.read_npy(path), files.sha256_array(VOXELS) if sha256 is None else sha256
    )


def test_a_whole_file_is_hashed_once(path: Path, n_hashed: Callable[[], int]) -> None:
    assert [is_whole(path) for _ in range(5)] == [True] * 5
    assert n_hashed() == 1
    assert is_whole(path, files.sha256_array(VOXELS)[:32])
    assert not is_whole(path, "")
    assert not is_whole(path, "0" * 64)


@pytest.mark.parametrize("offset", [1, 2, 50, 7 * 5 * 3 * 4])
@pytest.mark.parametrize("bit", [0, 7])
def test_every_flipped_bit_is_found_after_a_first_touch(path: Path, offset: int, bit: int) -> None:
    assert is_whole(path)
    content = bytearray(path.read_bytes())
    content[-offset] ^= 1 << bit
    path.write_bytes(content)
    assert not is_whole(path)
    assert not is_whole(path)


def test_a_time_that_is_set_back_hides_nothing(path: Path) -> None:
    assert is_whole(path)
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not is_whole(path)


def test_what_a_forked_process_found_whole_is_known_here(path: Path, n_hashed: Callable[[], int]) -> None:
    worker = multiprocessing.get_context("fork").Process(target=is_whole, args=(path,))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    assert is_whole(path)
    assert n_hashed() == 0


def test_a_full_memory_hashes_again(
    path: Path, n_hashed: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified, "_WHOLE", np.full(1 << 17, 5, np.uint64))
    assert is_whole(path)
    assert is_whole(path)
    assert n_hashed() == 2


def test_numbers_without_axes_and_without_voxels(tmp_path: Path) -> None:
    for array in (np.array(2.5), np.zeros((0, 3), np.int8)):
        digest = npy.write_npy(tmp_path / "a.npy", array)
        assert verified.is_whole(tmp_path / "a.npy", npy.read_npy(tmp_path / "a.npy"), digest)
