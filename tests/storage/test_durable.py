from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from transmodal.storage import durable


def test_files_are_on_the_disk_when_the_block_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    paths = [tmp_path / name for name in "abc"]
    with durable.flushing() as flush:
        for path in paths:
            path.write_text("x")
            flush(path)
    assert synced == [path.stat().st_ino for path in paths]


def test_a_disk_that_does_not_take_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "a").write_text("x")
    with pytest.raises(OSError, match="No space left"), durable.flushing() as flush:
        flush(tmp_path / "a")


def test_an_error_of_the_block_itself_comes_first(tmp_path: Path) -> None:
    def fail() -> None:
        with durable.flushing() as flush:
            flush(tmp_path / "not there")
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        fail()


def test_folders_change_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (True, False):  # in one step, and where the system has no such call
        if not step:
            monkeypatch.setattr(durable, "_exchange", lambda one, other: False)
        for name in ("new", "old"):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "what").write_text(name)
        durable.swap(tmp_path / "new", tmp_path / "old")
        assert (tmp_path / "old" / "what").read_text() == "new"
        assert (tmp_path / "new" / "what").read_text() == "old"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]
