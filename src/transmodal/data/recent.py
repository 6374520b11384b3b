"""Recent cases: their arrays stay mapped, and no more of them than the system lets a process keep open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Arrays = TypeVar("Arrays")

_FILES_PER_CASE = 8
_OTHER_FILES = 256
_MOST = 4096
"""Cases whose arrays stay mapped where the system sets no lower limit."""


class RecentCases(Generic[Arrays]):
    """The mapped arrays of the cases that were read last, opened at the first touch.

    A copy in another process begins without any: what is mapped does not travel.

    Args:
        open_case: maps the arrays of a case by its number.
        most: cases that stay mapped; None takes a share of the files that this process may open.
    """

    def __init__(self, open_case: Callable[[int], Arrays], most: int | None = None) -> None:
        self._open_case = open_case
        self._most = most
        self._arrays: dict[int, Arrays] = {}

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, number: int) -> Arrays:
        # Taken out and put in again: the case that was read longest ago stands first.
        arrays = self._arrays.pop(number) if number in self._arrays else self._open_case(number)
        self._arrays[number] = arrays
        if len(self._arrays) > (self._most or most_open()):
            del self._arrays[next(iter(self._arrays))]
        return arrays

    def __getstate__(self) -> dict[str, Any]:
        return {"_open_case": self._open_case, "_most": self._most, "_arrays": {}}


def most_open() -> int:
    """Return how many cases may stay mapped: each mapped array holds its file open."""
    try:
        import resource
    except ImportError:  # not on Windows, where arrays that are mapped hold no descriptor
        return _MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST
    return min(_MOST, max(1, (soft - _OTHER_FILES) // _FILES_PER_CASE))
