"""Half-written files and folders that a killed process left: told from those that are being written, and removed.

Who writes one holds a lock on it, which the system drops with the process, however that ends.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from transmodal.storage import durable

if sys.platform != "win32":
    import fcntl

_NAME = re.compile(rf"{re.escape(durable.PARTIAL)}[a-z0-9_]{{8}}(\.\w+)*")
"""Names that `tempfile` makes for what is not complete: no other program's."""

_DEPTH = 5


def hold(path: Path) -> int | None:
    """Lock a half-written file or folder, so that nobody takes it for an orphan.

    Returns:
        A handle to close when it is complete; None where the system has no such locks.
    """
    if sys.platform == "win32":
        return None
    handle = os.open(path, os.O_RDONLY)
    with suppress(OSError):  # a file system without locks
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return handle


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
def cleared_on_failure(folder: Path) -> Iterator[None]:
    """Remove the orphans below a folder when the block fails or is interrupted: those of its processes that died."""
    try:
        yield
    except BaseException:
        clear_below(folder)
        raise


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
