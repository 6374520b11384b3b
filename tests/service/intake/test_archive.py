from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from transmodal.errors import InputError, ResourceError
from transmodal.service.intake import archive


def packed(
    path: Path, *entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, mode: int = 0
) -> Path:
    with zipfile.ZipFile(path, "w", method) as target:
        for name, content in entries:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = method
            entry.external_attr = mode << 16
            target.writestr(entry, content)
    return path


NAMES = ("../../a", "/tmp/a", "a\\..\\b", "CON", "a:b", "DOE^JOHN", "x" * 300, "a", "a/b/c", "é", "a\u202eb")


def test_files_get_our_names_whatever_theirs_are(tmp_path: Path) -> None:
    entries = [(name, name.encode()) for name in NAMES]
    folder = archive.unpack(packed(tmp_path / "a.zip", *entries, ("folder/", b"")), tmp_path / "out")
    assert [path.name for path in sorted(folder.iterdir())] == [
        f"{n:05d}.dcm" for n in range(1, len(NAMES) + 1)
    ]
    assert {path.read_bytes() for path in folder.iterdir()} == {name.encode() for name in NAMES}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "out"]


def test_links_are_files(tmp_path: Path) -> None:
    folder = archive.unpack(
        packed(tmp_path / "a.zip", ("l", b"/etc/passwd"), mode=0o120777), tmp_path / "out"
    )
    (path,) = folder.iterdir()
    assert not path.is_symlink()
    assert path.read_bytes() == b"/etc/passwd"


def test_archives_that_hold_more_than_they_may_are_refused(tmp_path: Path) -> None:
    packed(tmp_path / "bomb.zip", ("a", bytes(8 << 20)))
    with pytest.raises(ResourceError, match="100 times"):
        archive.unpack(tmp_path / "bomb.zip", tmp_path / "a")
    packed(tmp_path / "large.zip", ("a", bytes(9)), ("b", bytes(9)), method=zipfile.ZIP_STORED)
    with pytest.raises(ResourceError):
        archive.unpack(tmp_path / "large.zip", tmp_path / "b", budget=17)
    archive.unpack(tmp_path / "large.zip", tmp_path / "c", budget=18)


def test_the_number_of_files_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_FILES", 2)
    for n, is_refused in ((0, True), (1, False), (2, False), (3, True)):
        packed(tmp_path / "a.zip", *((f"{i}", b"") for i in range(n)))
        if is_refused:
            with pytest.raises(ResourceError, match=f"of {n} files"):
                archive.unpack(tmp_path / "a.zip", tmp_path / f"{n}")
        else:
            archive.unpack(tmp_path / "a.zip", tmp_path / f"{n}")


def test_ways_of_packing_that_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="zip -r"):
        archive.unpack(packed(tmp_path / "a.zip", ("a", b"a"), method=zipfile.ZIP_LZMA), tmp_path / "a")
    content = bytearray(packed(tmp_path / "b.zip", ("a", b"a")).read_bytes())
    place = content.index(b"PK\x01\x02") + 8
    struct.pack_into("<H", content, place, 1)
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(InputError, match="encrypted"):
        archive.unpack(tmp_path / "b.zip", tmp_path / "b")


def test_every_cut_of_an_archive_is_refused(tmp_path: Path) -> None:
    content = packed(tmp_path / "a.zip", ("a", bytes(range(256)) * 3), ("b", b"b")).read_bytes()
    for n in range(0, len(content), 7):
        (tmp_path / "cut.zip").write_bytes(content[:n])
        with pytest.raises(InputError, match="damaged"):
            archive.unpack(tmp_path / "cut.zip", tmp_path / f"out-{n}")


def test_a_flip_of_content_is_refused(tmp_path: Path) -> None:
    content = bytearray(
        packed(tmp_path / "a.zip", ("a", b"abc" * 99), method=zipfile.ZIP_STORED).read_bytes()
    )
    content[60] ^= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        archive.unpack(tmp_path / "a.zip", tmp_path / "out")
