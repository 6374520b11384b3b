"""Faults of files that were written whole, and the checks that find them: what `transmodal verify` goes through."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from transmodal.errors import TransmodalError


class Fault(NamedTuple):
    """A file that is not what was written.

    Attributes:
        file: its path below the folder that was verified.
        fault: in words, with the case where it is of one.
        remedy: what to do.
    """

    file: str
    fault: str
    remedy: str

    def line(self) -> str:
        """Return the fault on one line."""
        return " ".join(f"{self.file}: {self.fault}. {self.remedy}".split())


class Check(NamedTuple):
    """A file to compare with what is recorded of it.

    Attributes:
        file: its path below the folder that is verified.
        read: reads and compares it; raises where it is not what was written.
        owner: what it is of, such as `case s01`; empty where the path says it.
    """

    file: str
    read: Callable[[], object]
    owner: str = ""

    def find_fault(self) -> Fault | None:
        """Return what is wrong with the file; None where it is whole."""
        try:
            self.read()
        except TransmodalError as error:
            is_named = not self.owner or error.got.startswith(self.owner)
            words = error.got if is_named else f"{self.owner}: {error.got}"
            return Fault(self.file, words, error.remedy)
        return None
