"""Changes of grid: exact where voxels only move, interpolated where they must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError, UsageError
from transmodal.volumes.geometry.exact_regrid import LatticeMatch, copied, lattice_match, three
from transmodal.volumes.geometry.resampling import How, resample
from transmodal.volumes.volume import Grid, Volume

__all__ = [
    "How",
    "LatticeMatch",
    "bounding_box",
    "crop",
    "crop_or_pad",
    "lattice_match",
    "reorient",
    "resample",
    "working_grid",
]


def reorient(volume: Volume, orientation: str = "RAS") -> Volume:
    """Permute and flip axes so that they run as nearly as they can to `orientation`; exact.

    Args:
        volume: grey or colour, however it lies.
        orientation: three letters, one of each pair R/L, A/P, S/I, for the axes i, j, k.

    Raises:
        UsageError: E001 when `orientation` names no three axes.
    """
    grid, match = _reoriented(volume.grid, orientation)
    return Volume(copied(volume.voxels, match, grid.shape, 0.0), grid.affine)


def working_grid(grid: Grid, spacing_mm: float | tuple[float, float, float] | None) -> Grid:
    """Return the grid that windows are cut on: closest RAS, the same field of view, another spacing.

    The field of view runs from outer voxel edge to outer voxel edge; its centre stays, its width is
    rounded to whole voxels, at least one.

    Args:
        grid: the source's grid.
        spacing_mm: wanted spacing, one for all axes or one each (after reorientation); None keeps it.

    Raises:
        UsageError: E001 when a spacing is not a positive number.
    """
    ras, _ = _reoriented(grid, "RAS")
    if spacing_mm is None:
        return ras
    wanted = np.broadcast_to(np.asarray(spacing_mm, float), 3)
    if not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise UsageError("E001", f"spacing_mm {spacing_mm}", "a positive number of mm", "Correct the recipe.")
    now = np.array(ras.spacing)
    if np.allclose(now, wanted, rtol=1e-6, atol=0):
        return ras
    shape = np.maximum(1, np.rint(np.array(ras.shape) * now / wanted))
    affine = ras.affine.copy()
    affine[:3, :3] *= wanted / now
    affine[:3, 3] = ras.world((np.array(ras.shape) - 1) / 2) - affine[:3, :3] @ ((shape - 1) / 2)
    return Grid(three(shape), affine)


def crop_or_pad(volume: Volume, shape: Sequence[int], *, fill: float = 0.0) -> Volume:
    """Crop or pad by whole voxels around the centre; world positions stay.

    Cropping back what was padded restores the volume. An odd voxel goes to, or from, the far end.

    Raises:
        InputError: E124 when an axis would be empty.
        UsageError: E001 when the voxels' type cannot hold `fill`.
    """
    change = np.array(shape, dtype=int) - volume.voxels.shape[:3]
    starts = -(np.sign(change) * (np.abs(change) // 2))
    return _moved(volume, starts, np.array(shape, dtype=int), fill)


def bounding_box(mask: NDArray[Any]) -> tuple[slice, slice, slice]:
    """Return the smallest box that holds a mask.

    Raises:
        InputError: E124 when the mask is empty.
    """
    found = ndimage.find_objects((np.asarray(mask) != 0).astype(np.uint8), max_label=1)
    if found[0] is None:
        raise InputError("E124", "an empty mask", "a mask with voxels", "Check the mask.")
    i, j, k = found[0]
    return i, j, k


def crop(volume: Volume, box: tuple[slice, slice, slice]) -> Volume:
    """Cut a box out; world positions stay.

    Args:
        volume: grey or colour.
        box: slices as numpy reads them, all of step 1.

    Raises:
        InputError: E124 when the box is empty.
        UsageError: E001 when a slice has another step.
    """
    if any(side.step not in (None, 1) for side in box):
        raise UsageError("E001", f"a box {box} with steps", "slices of step 1", "Resample instead.")
    ends = np.array([side.indices(n)[:2] for side, n in zip(box, volume.voxels.shape, strict=False)])
    return _moved(volume, ends[:, 0], ends[:, 1] - ends[:, 0], 0.0)


def _reoriented(grid: Grid, orientation: str) -> tuple[Grid, LatticeMatch]:
    """Return the grid that runs to `orientation`, and how its voxels lie on the one given."""
    letters = orientation.upper()
    if sorted(_AXIS_OF.get(letter, -1) for letter in letters) != [0, 1, 2]:
        raise UsageError("E001", f"orientation {orientation!r}", "three letters such as RAS", "Correct it.")
    now = nib.orientations.io_orientation(grid.affine)
    wanted = nib.orientations.axcodes2ornt(tuple(letters))
    change = nib.orientations.ornt_transform(now, wanted)
    axes, signs = three(change[:, 0]), three(change[:, 1])
    starts = np.where(np.array(signs) > 0, 0, np.array(grid.shape) - 1)
    shape = three(np.array([grid.shape[axes.index(target)] for target in range(3)]))
    affine = grid.affine @ nib.orientations.inv_ornt_aff(change, grid.shape)
    return Grid(shape, affine), LatticeMatch(axes, signs, three(starts))


_AXIS_OF = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}


def _moved(volume: Volume, starts: NDArray[np.int_], shape: NDArray[np.int_], fill: float) -> Volume:
    """Return the voxels from `starts` on, `shape` of them."""
    affine = volume.affine.copy()
    affine[:3, 3] = volume.grid.world(starts.astype(float))
    grid = Grid(three(shape), affine)
    match = LatticeMatch((0, 1, 2), (1, 1, 1), three(starts))
    return Volume(copied(volume.voxels, match, grid.shape, fill), affine)
