"""Memory that ran out: recognised whichever library says so, and raised as one error with advice that works."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from transmodal.errors import ResourceError, TransmodalError

_WORDS = (
    "can't allocate memory",  # torch on the CPU
    "out of memory",  # torch on cards, and what runs on them
    "Failed to allocate memory",  # ITK
    "bad_alloc",
    "Storage size calculation overflowed",  # torch, for sizes beyond any memory
    "numel: integer multiplication overflow",
    "array is too big",  # numpy, likewise
    "Maximum allowed dimension exceeded",
)
_TYPES = ("OutOfMemoryError",)
"""Names of torch's types, which is not imported here."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, or that no memory could ever hold what was asked for."""
    if isinstance(error, TransmodalError):
        return error.code == "E402"
    if isinstance(error, MemoryError) or any(kind.__name__ in _TYPES for kind in type(error).__mro__):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, (RuntimeError, ValueError)) and any(words in str(error) for words in _WORDS)


def shortage(got: str, remedy: str, expected: str = "memory that suffices") -> ResourceError:
    """Return the error for memory that ran out, or would.

    Args:
        got: what asked for it.
        remedy: what needs less.
        expected: how much would do, where that is known.
    """
    return ResourceError("E402", got, expected, remedy)


@contextmanager
def guarded(work: str, remedy: str) -> Iterator[None]:
    """Turn errors of any library over memory into one of this package; as a decorator, of all that a function does.

    Args:
        work: that is under way, such as "translating".
        remedy: what needs less.

    Raises:
        ResourceError: E402.
    """
    try:
        yield
    except TransmodalError:
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise shortage(f"memory ran out while {work}", remedy) from error
