"""The verdict of one reader on one file: refused, read right, read wrong without a word, guessed, or none at all."""

from __future__ import annotations

import resource
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from promises.entries import Entry, Image
from promises.readers import Read

Outcome = Literal["refused", "right", "wrong", "guessed", "stuck"]
"""`guessed`: accepted, though the file contradicts itself or leaves open what it says, so that nothing is right; `stuck`: the
reader did not come back, or its process died."""

_CORNER_MM = 2e-3
_MOST_BYTES = 3 << 30
"""Address space that a reader may take beside what the process has."""


class Verdict(NamedTuple):
    """A reader's verdict.

    Attributes:
        outcome: of the reading.
        words: the class of the exception, and for ours the code; empty where it was accepted.
    """

    outcome: Outcome
    words: str = ""


def judge(entry: Entry, path: Path, read: Read) -> Verdict:
    """Give a file to a reader of others and judge what comes back."""
    try:
        with warnings.catch_warnings(), _bounded_memory():
            warnings.simplefilter("ignore")
            content = read(path)
    except Exception as error:  # whatever a reader raises is its refusal
        return Verdict("refused", type(error).__name__)
    return Verdict(outcome_of(entry, content))


def outcome_of(entry: Entry, content: object) -> Outcome:
    """Return whether content that was accepted is right."""
    if entry.truth is None:
        return "guessed"
    truth = entry.truth() if callable(entry.truth) else entry.truth
    return "right" if is_same(content, truth) else "wrong"


def is_same(first: object, second: object) -> bool:
    """Return whether two readings say the same; images by voxels and by the place of every corner."""
    if isinstance(first, Image) and isinstance(second, Image):
        return _is_same_image(first, second)
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(
            first, second, equal_nan=first.dtype.kind == "f"
        )
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(is_same(first[key], second[key]) for key in first)
    return bool(first == second)


def _is_same_image(first: Image, second: Image) -> bool:
    voxels, others = _values(first.voxels), _values(second.voxels)
    if first.affine is None or second.affine is None:  # a picture: rows or columns may come first
        turned = np.swapaxes(others, 0, 1) if others.ndim > 1 else others
        return _is_equal(voxels, others) or _is_equal(voxels, turned)
    if not _is_equal(voxels, others):
        return False
    shape = (*second.voxels.shape, 1, 1)[:3]
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], (1,), indexing="ij"), float).reshape(4, -1)
    return bool(np.abs((first.affine - second.affine) @ corners).max() < _CORNER_MM)


def _values(voxels: NDArray[Any]) -> NDArray[Any]:
    if voxels.dtype.names is not None:  # RGB as nibabel has it
        voxels = np.stack([voxels[name] for name in voxels.dtype.names], axis=-1)
    return np.squeeze(voxels)


def _is_equal(first: NDArray[Any], second: NDArray[Any]) -> bool:
    return first.shape == second.shape and bool(
        np.allclose(first, second, rtol=1e-6, atol=1e-6, equal_nan=True)
    )


@contextmanager
def _bounded_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    present = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (present + _MOST_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
