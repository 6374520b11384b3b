"""Arrays that can be made again, kept under names that end in their own hash: `<stem>.<hash>.npy`.

One that is damaged, or that an earlier version kept without a hash, is never taken: it is made again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError
from transmodal.storage import files
from transmodal.storage.arrays import npy, verified


class KeptArray(NamedTuple):
    """A kept array, mapped and read-only, and its file."""

    path: Path
    array: NDArray[Any]


_log = logging.getLogger(__name__)
_in_memory: dict[Path, NDArray[Any]] = {}
"""Arrays whose folder cannot be written, by their place, which names their content."""
_NAME = re.compile(r"\.(?P<digest>[0-9a-f]{32})\.npy$")


def digest_in_name(path: Path) -> str:
    """Return the first 32 characters of the hash that a name ends in; empty where it ends in none."""
    match = _NAME.search(path.name)
    return match["digest"] if match else ""


def find_array(
    place: Path, shape: tuple[int, ...] | None = None, dtype: np.dtype[Any] | None = None
) -> KeptArray | None:
    """Return a kept array that is whole; None where it has to be made.

    Args:
        place: its file without the hash, such as `working/2.0mm/s01/0123.npy`.
        shape: that it has to have; None: any.
        dtype: likewise.
    """
    for path in _list_files(place):
        try:
            array = npy.read_npy(path)
        except InputError:
            array = None
        if array is not None and verified.is_whole(path, array, digest_in_name(path)):
            if (shape is None or array.shape == shape) and (dtype is None or array.dtype == dtype):
                return KeptArray(path, array)
        else:
            _log.warning("%s has another content than was kept: it is made again", path)
            with suppress(OSError):
                path.unlink()
    return None


def write_array(place: Path, array: NDArray[Any]) -> NDArray[Any]:
    """Keep an array under its hash and return it, mapped; other processes may be writing the same one.

    Args:
        place: as in `find_array`; its folder is there.
        array: any numbers.

    Raises:
        ResourceError: E403 when the disk is full or may not be written.
        IntegrityError: E503 when it does not read back equal.
    """
    path = place.with_name(f"{place.name.removesuffix('.npy')}.{files.sha256_array(array)[:32]}.npy")
    npy.write_npy(path, array)
    with suppress(OSError):
        place.unlink(missing_ok=True)  # as earlier versions kept it
    return npy.read_npy(path)


def find_or_make_array(
    place: Path, shape: tuple[int, ...], dtype: np.dtype[Any], make: Callable[[], NDArray[Any]]
) -> NDArray[Any]:
    """Return an array: the one that is kept, on the disk or in memory, else one that is made now and kept.

    Args:
        place: its file without its hash, as in `find_array`.
        shape: as in `find_array`.
        dtype: likewise.
        make: makes it; called where none is kept.
    """
    if place in _in_memory:
        return _in_memory[place]
    existing = find_array(place, shape, dtype)
    return _keep(place, make()) if existing is None else existing.array


def _keep(place: Path, voxels: NDArray[Any]) -> NDArray[Any]:
    """Keep an array that other processes may be writing too, and return it, mapped; each writes it whole.

    Where its folder can only be read, or the disk is full, it is kept in memory as long as the process lives.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return write_array(place, voxels)
    except (OSError, ResourceError) as error:
        if not _in_memory:
            reason = error.strerror if isinstance(error, OSError) else error.got
            _log.warning(
                "working arrays cannot be kept in %s (%s): they are kept in memory, and made anew by every process",
                place.parent,
                reason,
            )
        voxels.flags.writeable = False
        _in_memory[place] = voxels
        return voxels


def _list_files(place: Path) -> list[Path]:
    """Return the files of an array, newest first."""
    stem = f"{place.name.removesuffix('.npy')}."
    try:
        paths = [path for path in place.parent.iterdir() if path.name.startswith(stem)]
        return sorted(
            (path for path in paths if digest_in_name(path) and path.name.count(".", len(stem)) == 1),
            key=lambda path: path.stat().st_mtime_ns,
            reverse=True,
        )
    except OSError:
        return []
