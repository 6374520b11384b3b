"""An entry of the corpus: a file written by code, and the verdict that it has to get."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Write = Callable[[Path], Path]
"""Writes what the entry is into an empty folder and returns the path that a reader is given."""


class Image(NamedTuple):
    """What a file of voxels says.

    Attributes:
        voxels: `(I, J, K)` or `(I, J, K, 3)`.
        affine: to RAS+ mm; None for a picture, which has no place.
    """

    voxels: NDArray[Any]
    affine: NDArray[np.float64] | None


@dataclass(frozen=True)
class Entry:
    """A file of the corpus.

    Attributes:
        name: unique, such as `nifti/cut at 50 %.nii.gz`.
        format: which reader it is for, one of `readers.FORMATS`.
        fault: kind of what is wrong, by which figures are counted; `valid` where nothing is.
        write: makes it.
        codes: of the errors by which it may be refused; empty for a valid file.
        truth: what it says, or said before it was damaged, or a function that returns it; None where the file
            contradicts itself.
    """

    name: str
    format: str
    fault: str
    write: Write
    codes: frozenset[str] = frozenset()
    truth: object = None

    @property
    def is_valid(self) -> bool:
        """Whether it has to be accepted."""
        return not self.codes


class Faulty(NamedTuple):
    """A fault, as the modules of formats list it by its name.

    Attributes:
        write: makes the file.
        codes: of the errors by which it may be refused, parted by spaces.
        truth: as of an `Entry`.
    """

    write: Write
    codes: str
    truth: object = None


def faulty(format_name: str, fault: str, faults: Mapping[str, Faulty]) -> Iterator[Entry]:
    """Yield entries that have to be refused."""
    for name, (write, codes, truth) in faults.items():
        yield Entry(f"{format_name}/{name}", format_name, fault, write, frozenset(codes.split()), truth)


def valid(format_name: str, files: Mapping[str, tuple[Write, object]]) -> Iterator[Entry]:
    """Yield entries that have to be accepted, with what they say."""
    for name, (write, truth) in files.items():
        yield Entry(f"{format_name}/{name}", format_name, "valid", write, truth=truth)


def put(name: str, content: bytes) -> Write:
    """Return a writer of one file."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write
