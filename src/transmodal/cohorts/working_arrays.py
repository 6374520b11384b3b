"""Arrays of a prepared cohort: mapped as they lie on the disk, and resampled to another grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.storage.arrays import npy
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
