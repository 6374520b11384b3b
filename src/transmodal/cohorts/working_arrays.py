"""Arrays of a prepared cohort as they lie on the disk: mapped, resampled to another grid, and written beside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError
from transmodal.storage import kept, npy
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import How, resample


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


def write_array(place: Path, voxels: NDArray[Any]) -> NDArray[Any]:
    """Keep an array that other processes may be writing too, and return it, mapped; each writes it whole.

    Args:
        place: its file without its hash, as `storage.kept` has it.
        voxels: of the array.

    Raises:
        ResourceError: E403 where the folder cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            "E403",
            f"cannot make {place.parent}: {error.strerror}",
            "a cohort folder that can be written",
            "Resampled arrays are kept there: copy the cohort to where you may write.",
        ) from error
    return kept.write_array(place, voxels)
