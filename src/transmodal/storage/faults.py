"""Faults of files that were written whole: what `transmodal verify` lists."""

from __future__ import annotations

from typing import NamedTuple


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
