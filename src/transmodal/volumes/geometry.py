"""Changes of grid: exact where voxels only move, interpolated where they must be; both grids are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError, UsageError
from transmodal.volumes.volume import TOLERANCE_MM, Grid, Volume, Voxels

How = Literal["linear", "nearest", "cubic"]

_FWHM = 2.3548
"""Full width at half maximum of a Gaussian in standard deviations."""


class LatticeMatch(NamedTuple):
    """How one grid's voxels lie on another's: axes permuted, flipped and moved by whole voxels.

    Attributes:
        axes: for each source axis the target axis that runs along it.
        signs: for each source axis 1 or -1.
        starts: for each source axis the source index of target index 0.
    """

    axes: tuple[int, int, int]
    signs: tuple[int, int, int]
    starts: tuple[int, int, int]


def lattice_match(source: Grid, target: Grid) -> LatticeMatch | None:
    """Tell how target voxels coincide with source voxels within `TOLERANCE_MM`, or None."""
    step = np.linalg.inv(source.affine) @ target.affine
    whole = np.rint(step)
    if not np.array_equal(np.abs(whole[:3, :3]).sum(axis=0), np.ones(3)):
        return None
    if not np.array_equal(np.abs(whole[:3, :3]).sum(axis=1), np.ones(3)):
        return None
    moved = Grid(target.shape, source.affine @ whole)
    if np.abs(moved.corners() - target.corners()).max() > TOLERANCE_MM:
        return None
    axes = np.abs(whole[:3, :3]).argmax(axis=1)
    signs = [int(whole[row, axis]) for row, axis in enumerate(axes)]
    return LatticeMatch(_three(axes), _three(signs), _three(whole[:3, 3]))


def reorient(volume: Volume, orientation: str = "RAS") -> Volume:
    """Permute and flip axes so that they run as nearly as they can to `orientation`; exact.

    Raises:
        UsageError: E001 when `orientation` names no three axes.
    """
    letters = orientation.upper()
    if sorted(_AXIS_OF.get(letter, -1) for letter in letters) != [0, 1, 2]:
        raise UsageError("E001", f"orientation {orientation!r}", "three letters such as RAS", "Correct it.")
    now = nib.orientations.io_orientation(volume.affine)
    wanted = nib.orientations.axcodes2ornt(tuple(letters))
    change = nib.orientations.ornt_transform(now, wanted)
    back = nib.orientations.inv_ornt_aff(change, volume.voxels.shape[:3])
    shape = np.empty(3, int)
    shape[change[:, 0].astype(int)] = volume.voxels.shape[:3]
    return resample(volume, Grid(_three(shape), volume.affine @ back))


def resample(volume: Volume, grid: Grid, *, how: How = "linear", fill: float = 0.0) -> Volume:
    """Bring a volume onto a grid.

    Where the grids' voxels coincide the voxels are copied, bit by bit and in their own type. Otherwise
    they are interpolated in float32 (`nearest` keeps the type); along axes where the grid is coarser
    the volume is smoothed first by a Gaussian whose width makes up the difference. Up to half a source
    voxel beyond the outermost centres the edge is continued, since a voxel reaches that far; further
    out is `fill`.

    Args:
        volume: grey or colour.
        grid: where to.
        how: `linear`, `nearest` or `cubic`.
        fill: value outside the field of view.
    """
    match = lattice_match(volume.grid, grid)
    if match is not None:
        return Volume(_copied(volume.voxels, match, grid.shape, fill), grid.affine)
    step = np.linalg.inv(volume.affine) @ grid.affine
    if volume.is_colour:
        channels = [_interpolated(volume.voxels[..., c], step, grid.shape, how, fill) for c in range(3)]
        return Volume(np.stack(channels, axis=-1), grid.affine)
    return Volume(_interpolated(volume.voxels, step, grid.shape, how, fill), grid.affine)


def working_grid(grid: Grid, spacing_mm: float | tuple[float, float, float] | None) -> Grid:
    """Return the grid that windows are cut on: closest RAS, the same field of view, another spacing.

    Args:
        grid: the source's grid.
        spacing_mm: wanted spacing, one for all axes or one each (after reorientation); None keeps it.

    Raises:
        UsageError: E001 when a spacing is not positive.
    """
    ras = reorient(Volume(np.broadcast_to(np.uint8(0), grid.shape), grid.affine)).grid
    if spacing_mm is None:
        return ras
    wanted = np.broadcast_to(np.asarray(spacing_mm, float), 3)
    if not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise UsageError("E001", f"spacing_mm {spacing_mm}", "a positive number of mm", "Correct the recipe.")
    now = np.array(ras.spacing)
    if np.allclose(now, wanted, rtol=1e-6):
        return ras
    shape = np.maximum(1, np.rint(np.array(ras.shape) * now / wanted).astype(int))
    scale = wanted / now
    affine = ras.affine.copy()
    affine[:3, :3] = ras.affine[:3, :3] * scale
    centre_old = (np.array(ras.shape) - 1) / 2
    centre_new = (shape - 1) / 2
    affine[:3, 3] = ras.world(centre_old) - affine[:3, :3] @ centre_new
    return Grid(_three(shape), affine)


def crop_or_pad(volume: Volume, shape: Sequence[int], *, fill: float = 0.0) -> Volume:
    """Crop or pad by whole voxels around the centre; world positions stay."""
    wanted = np.array(shape, dtype=int)
    start = -((wanted - np.array(volume.voxels.shape[:3])) // 2)
    return resample(volume, _moved(volume.grid, start, wanted), fill=fill)


def bounding_box(mask: NDArray[Any]) -> tuple[slice, slice, slice]:
    """Return the smallest box that holds a mask.

    Raises:
        InputError: E124 when the mask is empty.
    """
    found = ndimage.find_objects(np.asarray(mask, dtype=bool).astype(np.uint8), max_label=1)
    if not found or found[0] is None:
        raise InputError("E124", "an empty mask", "a mask with voxels", "Check the mask.")
    i, j, k = found[0]
    return i, j, k


def crop(volume: Volume, box: tuple[slice, slice, slice]) -> Volume:
    """Cut a box out; world positions stay."""
    start = np.array([side.start for side in box])
    shape = np.array([side.stop - side.start for side in box])
    return resample(volume, _moved(volume.grid, start, shape))


_AXIS_OF = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}


def _moved(grid: Grid, start: NDArray[np.int_], shape: NDArray[np.int_]) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] = grid.world(start.astype(float))
    return Grid(_three(shape), affine)


def _copied(voxels: Voxels, match: LatticeMatch, shape: tuple[int, int, int], fill: float) -> Voxels:
    """Copy by slicing: for each source axis the run of indices that the target covers."""
    takes, puts = [], [slice(0, 0)] * 3
    for axis in range(3):
        target, sign, start = match.axes[axis], match.signs[axis], match.starts[axis]
        index = start + sign * np.arange(shape[target])
        inside = np.flatnonzero((index >= 0) & (index < voxels.shape[axis]))
        if inside.size == 0:
            return _filled(voxels, shape, fill)
        first, last = int(index[inside[0]]), int(index[inside[-1]])
        stop = last + sign
        takes.append(slice(first, None if stop < 0 else stop, sign))
        puts[target] = slice(int(inside[0]), int(inside[-1]) + 1)
    order = [match.axes.index(target) for target in range(3)]
    taken = voxels[tuple(takes)].transpose(order + list(range(3, voxels.ndim)))
    if taken.shape[:3] == shape:
        return np.ascontiguousarray(taken)
    out = _filled(voxels, shape, fill)
    out[tuple(puts)] = taken
    return out


def _filled(voxels: Voxels, shape: tuple[int, int, int], fill: float) -> Voxels:
    return np.full(shape + voxels.shape[3:], fill, dtype=voxels.dtype)


def _interpolated(
    voxels: Voxels, step: NDArray[np.float64], shape: tuple[int, int, int], how: How, fill: float
) -> Voxels:
    if how != "nearest":
        voxels = _smoothed(np.asarray(voxels, dtype=np.float32), step)
    aligned = (np.abs(step[:3, :3]) > 1e-7).sum(axis=0).max() == 1
    if aligned and how != "cubic":
        return _along_axes(voxels, step, shape, how, fill)
    order = {"nearest": 0, "linear": 1, "cubic": 3}[how]
    out: Voxels = ndimage.affine_transform(
        voxels, step[:3, :3], step[:3, 3], output_shape=shape, order=order, mode="nearest"
    )
    out[_outside(voxels.shape, step, shape)] = fill
    return out


def _smoothed(voxels: NDArray[np.float32], step: NDArray[np.float64]) -> NDArray[np.float32]:
    """Smooth along each source axis as much coarser as the target is: FWHM = sqrt(f^2 - 1) voxels."""
    for axis in range(3):
        factor = float(np.abs(step[axis, :3]).max())
        if factor > 1.001:
            sigma = np.sqrt(factor**2 - 1) / _FWHM
            voxels = ndimage.gaussian_filter1d(voxels, sigma, axis=axis, mode="nearest")
    return voxels


def _along_axes(
    voxels: Voxels, step: NDArray[np.float64], shape: tuple[int, int, int], how: How, fill: float
) -> Voxels:
    axes = np.abs(step[:3, :3]).argmax(axis=1)
    outside = []
    for axis in range(3):
        target = int(axes[axis])
        position = step[axis, target] * np.arange(shape[target]) + step[axis, 3]
        n = voxels.shape[axis]
        outside.append((target, (position < -0.5 - 1e-6) | (position > n - 0.5 + 1e-6)))
        position = np.clip(position, 0, n - 1)
        voxels = _taken(voxels, position, axis, how)
    out = np.ascontiguousarray(voxels.transpose(np.argsort(axes)))
    for target, beyond in outside:
        out[(slice(None),) * target + (beyond,)] = fill
    return out


def _taken(voxels: Voxels, position: NDArray[np.float64], axis: int, how: How) -> Voxels:
    if how == "nearest":
        nearest: Voxels = voxels.take(np.rint(position).astype(int), axis=axis)
        return nearest
    below = np.minimum(position.astype(int), max(voxels.shape[axis] - 2, 0))
    above = np.minimum(below + 1, voxels.shape[axis] - 1)
    weight = (position - below).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    mixed: Voxels = voxels.take(below, axis=axis) * (1 - weight) + voxels.take(above, axis=axis) * weight
    return mixed


def _outside(
    source: tuple[int, ...], step: NDArray[np.float64], shape: tuple[int, int, int]
) -> NDArray[np.bool_]:
    i, j, k = np.ogrid[: shape[0], : shape[1], : shape[2]]
    beyond = np.zeros(shape, dtype=bool)
    for axis in range(3):
        position = step[axis, 0] * i + step[axis, 1] * j + step[axis, 2] * k + step[axis, 3]
        beyond |= (position < -0.5 - 1e-6) | (position > source[axis] - 0.5 + 1e-6)
    return beyond


def _three(values: Iterable[float]) -> tuple[int, int, int]:
    i, j, k = (int(value) for value in values)
    return i, j, k
