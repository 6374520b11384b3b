"""The C library's allocator: memory that is freed waits for what takes the same next, and goes back when work is done."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's numbers of its settings, from malloc.h."""
_LARGEST_BLOCK = 1 << 25
"""The most that every glibc takes for the second: larger blocks come from the system and go back there, as they always do."""
_MOST_FREE = 1 << 30


def reuse_freed_memory() -> None:
    """Let the C library keep what is freed for what takes the same again, from now on; once per process.

    Otherwise maps of a batch of windows go back to the system and come anew, page by page, filled with zeros: up to a third
    of the time that a network of few weights takes. Without effect where the C library is not glibc.
    """
    _set_thresholds()


def give_back() -> None:
    """Give memory that is free in the C library's hands back to the system."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _set_thresholds() -> None:
    library = _glibc()
    if library is not None:
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK)
        library.mallopt(_TRIM_THRESHOLD, _MOST_FREE)


@cache
def _glibc() -> ctypes.CDLL | None:
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None) if sys.platform == "linux" else None
        if library is not None and library.gnu_get_libc_version and library.mallopt and library.malloc_trim:
            return library
    return None
