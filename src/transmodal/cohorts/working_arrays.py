"""Arrays of a prepared cohort as they lie on the disk: mapped, resampled to another grid, and written beside."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError
from transmodal.storage import kept, npy
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import How, resample

_log = logging.getLogger(__name__)
_in_memory: dict[Path, NDArray[Any]] = {}
"""Arrays of cohorts that cannot be written, by their place, which names their content."""


def map_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Return an array, mapped and read-only; None where there is none of this shape and type."""
    try:
        voxels = npy.read_npy(path)
    except InputError:
        return None
    return voxels if (voxels.shape, voxels.dtype) == (shape, dtype) else None


def resample_array(volume: Volume, grid: Grid, how: How, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the voxels of a volume on another grid; colours are rounded."""
    resampled = resample(volume, grid, how=how).voxels
    if volume.is_colour:
        resampled = np.clip(np.rint(resampled), 0, 255)
    return resampled.astype(dtype, copy=False)


def find_array(place: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Return a working array that is kept, on the disk or in memory; None where it has to be made.

    Args:
        place: as in `keep_array`.
        shape: that it has to have.
        dtype: likewise.
    """
    if place in _in_memory:
        return _in_memory[place]
    existing = kept.find_array(place, shape, dtype)
    return None if existing is None else existing.array


def keep_array(place: Path, voxels: NDArray[Any]) -> NDArray[Any]:
    """Keep an array that other processes may be writing too, and return it, mapped; each writes it whole.

    Where the cohort can only be read, or its disk is full, it is kept in memory as long as the process lives.

    Args:
        place: its file without its hash, as `storage.kept` has it.
        voxels: of the array.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return kept.write_array(place, voxels)
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
