"""Zip files that store their members as they are: written byte for byte alike, and read only as they are written.

No member is compressed, so nothing inflates; members go into memory under their names, so no name is a path. What other
programs pack is refused, as are bytes before, between or behind the members.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from transmodal.errors import InputError, ResourceError
from transmodal.storage import files, memory, regular

MOST_MEMBERS = 64
MOST_BYTES = (1 << 32) - (1 << 20)
"""Of a file: beyond it a zip has other fields."""

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_LONGEST_NAME = 200
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_FIXED = struct.pack("<HHHHH", 20, 0, 0, 0, 0x21)
"""Version 2.0, no flags, stored, and the first day that a zip can have: the bytes depend on the content alone."""
_SIZES = struct.Struct("<IIIHH")
_LOCAL_BYTES = 4 + len(_FIXED) + _SIZES.size
_UNIX_FILE = 0o100644 << 16


class _Member(NamedTuple):
    """A member as the file's headers describe it."""

    name: str
    crc: int
    size: int
    offset: int


def write(path: Path, members: Mapping[str, bytes]) -> None:
    """Write members, atomically; equal members give equal bytes.

    Args:
        path: the file.
        members: contents by name, in their order; names of letters, digits, `_`, `-`, `.` and `/`.

    Raises:
        ValueError: for a name that cannot be one.
        ResourceError: E401 beyond 4 GiB, E403 when the disk is full or may not be written.
        UsageError: E005 when the folder does not exist or the name is a folder.
    """
    size = sum(len(content) for content in members.values())
    if size > MOST_BYTES - MOST_MEMBERS * 2 * (_LOCAL_BYTES + _LONGEST_NAME):
        raise ResourceError(
            "E401",
            f"{size / memory.GIB:.1f} GiB for {path.name}",
            "less than 4 GiB",
            "Copy the folder instead.",
        )
    if len(members) > MOST_MEMBERS or not all(_is_name(name) for name in members):
        raise ValueError(f"members {', '.join(members)}")
    with files.atomic_path(path) as beside, beside.open("wb") as stream:
        listed = list[_Member]()
        for name, content in members.items():
            member = _Member(name, zlib.crc32(content), len(content), stream.tell())
            stream.write(_local(member))
            stream.write(content)
            listed.append(member)
        stream.write(_directory(listed, stream.tell()))


def read(path: Path) -> dict[str, memoryview]:
    """Read all members, each with its checksum compared.

    Raises:
        InputError: E100 when there is no such file, E102 for what is no zip file, E101 for one that is cut off, damaged,
            or packed by another program.
        ResourceError: E401 beyond 4 GiB or half of the memory there is, E403 when it may not be read.
    """
    available = memory.available()
    limit = MOST_BYTES if available is None else min(MOST_BYTES, available // 2)
    with files.reading_errors(path, "a model in one file"):
        content = memoryview(regular.read_bytes(path, limit))
    if bytes(content[:4]) != _LOCAL:
        raise InputError("E102", f"{path.name} is no zip file", "a model in one file", "Check the path.")
    members = list(_members(content))
    end = members[-1].offset + _LOCAL_BYTES + len(members[-1].name) + members[-1].size if members else 0
    names = {member.name for member in members}
    if len(names) < len(members) or bytes(content[end:]) != _directory(members, end):
        raise damaged(path)
    bodies = {name: content[offset + _LOCAL_BYTES + len(name) :][:size] for name, _, size, offset in members}
    if any(zlib.crc32(bodies[member.name]) != member.crc for member in members):
        raise damaged(path)
    return bodies


def damaged(path: Path) -> InputError:
    """Return the error of a file that is not as it was packed."""
    return InputError(
        "E101",
        f"{path.name} is cut off, damaged, or packed by another program",
        "its own bytes, every one of them",
        "Copy it again.",
    )


def _members(content: memoryview) -> Iterator[_Member]:
    """Yield the members one behind the other; stop before the first bytes that are no header as `write` makes it."""
    offset = 0
    for _ in range(MOST_MEMBERS):
        head = bytes(content[offset : offset + _LOCAL_BYTES])
        if len(head) < _LOCAL_BYTES or not head.startswith(_LOCAL + _FIXED):
            return
        crc, size, _, n_name, _ = _SIZES.unpack(head[-_SIZES.size :])
        name = bytes(content[offset + _LOCAL_BYTES :][:n_name]).decode("latin-1")
        member = _Member(name, crc, size, offset)
        if not _is_name(name) or _local(member) != head + name.encode("ascii"):
            return
        yield member
        offset += _LOCAL_BYTES + n_name + size


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def _local(member: _Member) -> bytes:
    sizes = _SIZES.pack(member.crc, member.size, member.size, len(member.name), 0)
    return _LOCAL + _FIXED + sizes + member.name.encode("ascii")


def _directory(members: list[_Member], start: int) -> bytes:
    """Return the list of contents that ends the file, which begins at `start`."""
    entries = b"".join(_entry(member) for member in members)
    n_members = len(members)
    return entries + _END + struct.pack("<HHHHIIH", 0, 0, n_members, n_members, len(entries), start, 0)


def _entry(member: _Member) -> bytes:
    sizes = _SIZES.pack(member.crc, member.size, member.size, len(member.name), 0)
    attributes = struct.pack("<HHHII", 0, 0, 0, _UNIX_FILE, member.offset)
    return (
        _CENTRAL + struct.pack("<H", 3 << 8 | 20) + _FIXED + sizes + attributes + member.name.encode("ascii")
    )
