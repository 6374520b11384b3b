"""Calls of the system that make files durable: content on the disk, two folders exchanged in one step."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


@contextmanager
def flushing() -> Iterator[Callable[[Path], None]]:
    """Give a function that begins to bring a file to the disk, beside whatever is done meanwhile.

    When the block ends well, all those files are there.

    Raises:
        OSError: of the first that the disk does not take.
    """
    syncs: list[Future[None]] = []
    with ThreadPoolExecutor(1) as pool:
        yield lambda path: syncs.append(pool.submit(sync, path))
        for future in syncs:
            future.result()


def swap(new: Path, old: Path) -> None:
    """Let two folders change names, in one step if the system can, else in two that are undone on failure."""
    if _exchange(new, old):
        return
    aside = Path(tempfile.mkdtemp(prefix=".old-", dir=old.parent))
    try:
        old.replace(aside / old.name)
        try:
            new.replace(old)
        except OSError:
            (aside / old.name).replace(old)
            raise
        (aside / old.name).replace(new)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def sync(path: Path) -> None:
    """Return when the content of a file is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Return when the names in a folder are on the disk, where its file system can say so."""
    try:
        sync(path)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:  # some network file systems cannot sync a folder
            raise


def umask() -> int:
    """Return which permissions new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names by Linux's renameat2; tell whether that was possible."""
    if not sys.platform.startswith("linux"):
        return False
    at_fdcwd, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except AttributeError:  # a C library without it
        return False
    return bool(
        renameat2(at_fdcwd, os.fsencode(first), at_fdcwd, os.fsencode(second), ctypes.c_uint(exchange)) == 0
    )
