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
from contextlib import contextmanager, suppress
from pathlib import Path

PARTIAL = ".partial-"
"""How names of files and folders begin that are not complete."""

ASIDE = ".old-"
"""How names of folders begin in which another one waits while names are exchanged."""

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
    aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=old.parent))
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


def advance(new: Path, current: Path, previous: Path) -> None:
    """Let a new folder take the name of the current one, and that one the name of the previous one.

    At every moment a whole folder has the name `current`, or, where the system cannot exchange names in one
    step, at least the name `previous`; whatever step fails or is the last before a kill.

    Args:
        new: a whole folder, on the disk; the previous one has this name afterwards, where it is left at all.
        current: a whole folder.
        previous: a folder, or nothing yet.

    Raises:
        OSError: of the step that failed.
    """
    if _exchange(new, current):
        sync_folder(current.parent)
        if previous.exists():
            swap(new, previous)
        else:
            new.replace(previous)
        return
    aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=current.parent))
    moves = [(current, previous), (new, current)]
    if previous.exists():
        moves.insert(0, (previous, aside / previous.name))
    try:
        _move_all(moves)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def recover(folder: Path) -> None:
    """Clear what killed writers left in a folder: what has lost its name gets it back, the rest is removed."""
    for aside in folder.glob(f"{ASIDE}*"):
        for path in aside.iterdir() if aside.is_dir() else ():
            if not (folder / path.name).exists():
                path.replace(folder / path.name)
    for path in [*folder.glob(f"{ASIDE}*"), *folder.glob(f"{PARTIAL}*")]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


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


def _move_all(moves: list[tuple[Path, Path]]) -> None:
    """Rename one after the other; when one fails, those before it are undone, the last one first."""
    for number, (source, target) in enumerate(moves):
        try:
            source.replace(target)
        except OSError:
            for old, new in reversed(moves[:number]):
                with suppress(OSError):
                    new.replace(old)
            raise


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
