"""Files of members that are stored as they are: the same bytes every time, and nothing else is read."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from transmodal.errors import InputError, ResourceError
from transmodal.storage import memory, store_zip

MEMBERS = {"model.json": b"{}", "checkpoints/best/weights.safetensors": bytes(range(256)) * 9, "empty": b""}


def packed(folder: Path) -> Path:
    store_zip.write(folder / "a.tmz", MEMBERS)
    return folder / "a.tmz"


def code_of(path: Path) -> str:
    with pytest.raises((InputError, ResourceError)) as refused:
        store_zip.read(path)
    return refused.value.code


def test_members_come_back_and_bytes_depend_on_them_alone(tmp_path: Path) -> None:
    first = packed(tmp_path).read_bytes()
    os.utime(tmp_path / "a.tmz", (1, 1))
    assert {name: bytes(body) for name, body in store_zip.read(tmp_path / "a.tmz").items()} == MEMBERS
    assert packed(tmp_path).read_bytes() == first
    store_zip.write(tmp_path / "none.tmz", {})
    assert code_of(tmp_path / "none.tmz") == "E102"


def test_other_programs_read_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(packed(tmp_path)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_every_byte_counts(tmp_path: Path) -> None:
    """Whichever byte is changed, the file is refused: headers, contents and the list at the end."""
    store_zip.write(tmp_path / "small.tmz", {"a/b.json": b"{}", "c": b"12"})
    whole = (tmp_path / "small.tmz").read_bytes()
    for n in range(len(whole)):
        changed = bytearray(whole)
        changed[n] ^= 1
        (tmp_path / "small.tmz").write_bytes(changed)
        assert code_of(tmp_path / "small.tmz") in ("E101", "E102"), n


@pytest.mark.parametrize("n_bytes", [0, 3, 40, 300, -1])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, n_bytes: int) -> None:
    path = packed(tmp_path)
    path.write_bytes(path.read_bytes()[:n_bytes])
    assert code_of(path) == ("E102" if 0 <= n_bytes < 4 else "E101")


def test_bytes_before_and_behind_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0")
    assert code_of(path) == "E101"
    path.write_bytes(b"#!/bin/sh\n" + whole)
    assert code_of(path) == "E102"


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../b", "a\\b", "a//b", "C:evil", "a/.", ".hidden"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "b.tmz", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    assert code_of(tmp_path / "b.tmz") == "E101"
    with pytest.raises(ValueError, match="members"):
        store_zip.write(tmp_path / "c.tmz", {name: b""})


def test_compressed_and_doubled_members_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.tmz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 20))
    assert code_of(tmp_path / "b.tmz") == "E101"
    path = tmp_path / "twice.tmz"
    store_zip.write(path, {"a": b"1", "b": b"2"})
    path.write_bytes(path.read_bytes().replace(b"b", b"a"))
    assert code_of(path) == "E101"


def test_a_file_beyond_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path)
    monkeypatch.setenv(memory.MEMORY, "0.000001")
    assert code_of(path) == "E401"
    monkeypatch.delenv(memory.MEMORY)
    os.truncate(path, 1 << 40)
    assert code_of(path) == "E401"


def test_too_much_for_one_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_zip, "MOST_BYTES", 1 << 15)
    with pytest.raises(ResourceError, match="GiB") as refused:
        store_zip.write(tmp_path / "a.tmz", {"a": bytes(1 << 15)})
    assert refused.value.code == "E401"
    assert not (tmp_path / "a.tmz").exists()
