"""Half-written files and folders that a killed process left: told from those that are being written, and removed.

Who writes one holds a lock on it, which the system drops with the process, however that ends.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from transmodal.storage import durable

if sys.platform != "win32":
    import fcntl

_NAME = re.compile(rf"{re.escape(durable.PARTIAL)}[a-z0-9_]{{8}}(\.\w+)*")
"""Names that `tempfile` makes for what is not complete: no other program's."""

_DEPTH = 5


def create_file(folder: Path, suffix: str) -> tuple[Path, int | None]:
    """Create an empty file of a name of its own that nobody takes for an orphan.

    Returns:
        The file, and a handle to close when it is complete; None where the system has no such locks.
    """

    def create() -> Path:
        handle, name = tempfile.mkstemp(prefix=durable.PARTIAL, suffix=suffix, dir=folder)
        os.close(handle)
        return Path(name)

    return _create_held(create)


def create_folder(folder: Path) -> tuple[Path, int | None]:
    """Create an empty folder of a name of its own that nobody takes for an orphan; returns as `create_file`."""
    return _create_held(lambda: Path(tempfile.mkdtemp(prefix=durable.PARTIAL, dir=folder)))


def _create_held(create: Callable[[], Path]) -> tuple[Path, int | None]:
    """Create and lock; again where another process took it for an orphan between the two."""
    while True:
        path = create()
        if sys.platform == "win32":
            return path, None
        handle = _lock(path)
        if handle is not None:
            return path, handle


def _lock(path: Path) -> int | None:
    """Return a handle that holds a lock; None where another process is removing it, or has."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    if _lock_handle(handle) and _is_at(handle, path):
        return handle
    os.close(handle)
    return None


def _lock_handle(handle: int) -> bool:
    """Return whether nobody else is removing it; on a file system without locks nobody does."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _is_at(handle: int, path: Path) -> bool:
    """Return whether the path still names what the handle was opened on."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def clear(folder: Path) -> None:
    """Remove the orphans of a folder; what cannot be removed stays."""
    try:
        paths = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except OSError:
        return
    for path in paths:
        with suppress(OSError):
            _remove_orphan(path)


@contextmanager
def cleared(folder: Path) -> Iterator[None]:
    """Remove the orphans below a folder when the block is left, however: those of its processes that died.

    A worker of a cluster may have died in the middle of a file that another one has written since, so that all went well.
    """
    try:
        yield
    finally:
        clear_below(folder)


def clear_below(folder: Path) -> None:
    """Remove the orphans of a folder and of the folders below it, five levels deep; links are not followed."""
    for place, names, _ in os.walk(folder):
        clear(Path(place))
        if len(Path(place).relative_to(folder).parts) >= _DEPTH:
            names.clear()


@lru_cache(maxsize=4096)
def clear_once(folder: Path) -> None:
    """Remove the orphans of a folder when this process writes into it for the first time."""
    clear(folder)


def _remove_orphan(path: Path) -> None:
    """Remove one unless it is being written, or it cannot be told."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    finally:
        os.close(handle)
