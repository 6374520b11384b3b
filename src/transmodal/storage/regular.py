"""The one opener of files that are read: regular files only, and none that is larger than it may be."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from transmodal.errors import InputError, ResourceError

TEXT_BYTES = 256 << 20
"""Most bytes of a file that is read whole: a manifest, a recipe, a table."""

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_file(path: Path) -> BufferedReader:
    """Open a regular file to read its bytes; links are followed.

    A named pipe would let its reader wait forever, and a device such as /dev/zero never ends.

    Raises:
        InputError: E100 for a named pipe, a socket or a device.
        OSError: as `open` raises it, for a folder too.
    """
    path = Path(path)
    check_kind(path, path.stat().st_mode)
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_open(path, os.fstat(handle).st_mode)  # what has the name may have changed meanwhile
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bytes(path: Path, limit: int = TEXT_BYTES) -> bytes:
    """Read all bytes of a regular file.

    Raises:
        InputError: E100 for a named pipe, a socket or a device.
        ResourceError: E401 for a file of more than `limit` bytes.
        OSError: as `open` raises it.
    """
    with open_file(path) as stream:
        # Told by its size first: a sparse file of a terabyte takes a moment to make, and `read` allots what it is told.
        size = os.fstat(stream.fileno()).st_size
        content = b"" if size > limit else stream.read((size or limit) + 1)
    if size > limit or len(content) > limit:
        raise ResourceError(
            "E401",
            f"{Path(path).name} holds more than {limit / 2**20:.0f} MiB",
            f"at most {limit / 2**20:.0f} MiB",
            "Check that it is what you think it is.",
        )
    return content


def read_text(path: Path, limit: int = TEXT_BYTES) -> str:
    """Read a regular file of text in UTF-8, as `read_bytes` does.

    Raises:
        UnicodeDecodeError: for other bytes.
    """
    return read_bytes(path, limit).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def check_kind(path: Path, mode: int) -> None:
    """Refuse what can be opened but is no file.

    Args:
        path: for the message.
        mode: of what lies there, as `os.stat` gives it; a folder passes.

    Raises:
        InputError: E100 for a named pipe, a socket or a device.
    """
    for is_kind, name in _KINDS:
        if is_kind(mode):
            raise InputError(
                "E100", f"{path.name} is {name}", "a regular file", "Copy its content into a file."
            )


def _check_open(path: Path, mode: int) -> None:
    check_kind(path, mode)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
