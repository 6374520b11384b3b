"""Changes of grid: exact where voxels only move, interpolated where they must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError, UsageError
from transmodal.volumes.geometry.exact_regrid import ExactMatch, match_exactly, regrid_exactly, to_triple
from transmodal.volumes.geometry.grid_budget import check_budget
from transmodal.volumes.geometry.resampling import How, footprint, resample
from transmodal.volumes.volume import Grid, Volume

__all__ = [
    "ExactMatch",
    "How",
    "bounding_box",
    "crop",
    "crop_or_pad",
    "footprint",
    "match_exactly",
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
    grid, match = _reoriented_grid(volume.grid, orientation)
    return Volume(regrid_exactly(volume.voxels, match, grid.shape, 0.0), grid.affine)


def working_grid(grid: Grid, spacing_mm: float | tuple[float, float, float] | None) -> Grid:
    """Return the grid that windows are cut on: closest RAS, the same field of view, another spacing.

    The field of view runs from outer voxel edge to outer voxel edge; its centre stays, its width is
    rounded to whole voxels, at least one.

    Args:
        grid: the source's grid.
        spacing_mm: wanted spacing, one for all axes or one each (after reorientation); None keeps it.

    Raises:
        UsageError: E001 when a spacing is not a positive number.
        ResourceError: E401 for a grid beyond the budget.
    """
    ras, _ = _reoriented_grid(grid, "RAS")
    if spacing_mm is None:
        return ras
    spacing = np.broadcast_to(np.asarray(spacing_mm, float), 3)
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise UsageError("E001", f"spacing_mm {spacing_mm}", "a positive number of mm", "Correct the recipe.")
    now = np.array(ras.spacing)
    if np.allclose(now, spacing, rtol=1e-6, atol=0):
        return ras
    shape = np.maximum(1, np.rint(np.array(ras.shape) * now / spacing))
    affine = ras.affine.copy()
    affine[:3, :3] *= spacing / now
    affine[:3, 3] = ras.world((np.array(ras.shape) - 1) / 2) - affine[:3, :3] @ ((shape - 1) / 2)
    grid_of_spacing = Grid(to_triple(shape), affine)
    check_budget(ras, grid_of_spacing)
    return grid_of_spacing


def crop_or_pad(volume: Volume, shape: Sequence[int], *, fill: float = 0.0) -> Volume:
    """Crop or pad by whole voxels around the centre; world positions stay.

    Cropping back what was padded restores the volume. An odd voxel goes to, or from, the far end.

    Raises:
        InputError: E124 when an axis would be empty.
        UsageError: E001 when the voxels' type cannot hold `fill`.
    """
    change = np.array(shape, dtype=int) - volume.voxels.shape[:3]
    starts = -(np.sign(change) * (np.abs(change) // 2))
    return _cut_box(volume, starts, np.array(shape, dtype=int), fill)


def bounding_box(mask: NDArray[Any]) -> tuple[slice, slice, slice]:
    """Return the smallest box that holds a mask.

    Raises:
        InputError: E124 when the mask is empty.
    """
    boxes = ndimage.find_objects((np.asarray(mask) != 0).astype(np.uint8), max_label=1)
    if boxes[0] is None:
        raise InputError("E124", "an empty mask", "a mask with voxels", "Check the mask.")
    i, j, k = boxes[0]
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
    return _cut_box(volume, ends[:, 0], ends[:, 1] - ends[:, 0], 0.0)


def _reoriented_grid(grid: Grid, orientation: str) -> tuple[Grid, ExactMatch]:
    """Return the grid that runs to `orientation`, and how its voxels lie on the one given."""
    letters = orientation.upper()
    if sorted(_AXIS_OF.get(letter, -1) for letter in letters) != [0, 1, 2]:
        raise UsageError("E001", f"orientation {orientation!r}", "three letters such as RAS", "Correct it.")
    now = nib.orientations.io_orientation(grid.affine)
    target = nib.orientations.axcodes2ornt(tuple(letters))
    change = nib.orientations.ornt_transform(now, target)
    axes, signs = to_triple(change[:, 0]), to_triple(change[:, 1])
    starts = np.where(np.array(signs) > 0, 0, np.array(grid.shape) - 1)
    shape = to_triple(np.array([grid.shape[axes.index(target)] for target in range(3)]))
    affine = grid.affine @ nib.orientations.inv_ornt_aff(change, grid.shape)
    return Grid(shape, affine), ExactMatch(axes, signs, to_triple(starts))


_AXIS_OF = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}


def _cut_box(volume: Volume, starts: NDArray[np.int_], shape: NDArray[np.int_], fill: float) -> Volume:
    """Return the voxels from `starts` on, `shape` of them."""
    affine = volume.affine.copy()
    affine[:3, 3] = volume.grid.world(starts.astype(float))
    grid = Grid(to_triple(shape), affine)
    match = ExactMatch((0, 1, 2), (1, 1, 1), to_triple(starts))
    return Volume(regrid_exactly(volume.voxels, match, grid.shape, fill), affine)
