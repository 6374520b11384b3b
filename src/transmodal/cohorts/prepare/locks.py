"""Locks on a cohort's folder: one preparation at a time, also after one was killed.

The system drops a lock with its process, however that ends, and nothing of it is left in the folder.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transmodal.errors import UsageError

if sys.platform != "win32":
    import fcntl

PATIENCE_SECONDS = 60.0
"""Time that the workers of a killed preparation may take to notice that it is gone."""


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Hold a cohort's folder while it is prepared; wait for workers that a killed preparation left.

    Raises:
        UsageError: E005 when another process prepares the same folder.
    """
    with _lock(folder, exclusive=True, patience_seconds=0.0):
        with _lock(folder / "cases", exclusive=True, patience_seconds=PATIENCE_SECONDS):
            pass
        yield


@contextmanager
def mark_working(folder: Path) -> Iterator[None]:
    """Show that a case of the folder is being written; end the process if its parent is gone."""
    with _lock(folder / "cases", exclusive=False, patience_seconds=PATIENCE_SECONDS):
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            # A new preparation may have waited for this lock already: nothing may be written any more.
            os._exit(1)
        yield


@contextmanager
def _lock(folder: Path, *, exclusive: bool, patience_seconds: float) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    end = time.monotonic() + patience_seconds
    handle = os.open(folder, os.O_RDONLY)
    try:
        while not _try_lock(handle, exclusive=exclusive):
            if time.monotonic() >= end:
                raise UsageError(
                    "E005",
                    f"{folder} is being prepared by another process",
                    "one at a time",
                    "Wait for it, or stop it.",
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int, *, exclusive: bool) -> bool:
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems have no locks: there it is the user who takes care.
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True
