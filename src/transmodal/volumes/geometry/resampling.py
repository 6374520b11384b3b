"""Resampling: copied where the grids' voxels coincide, interpolated where they do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.errors import InputError
from transmodal.volumes.geometry import interpolation
from transmodal.volumes.geometry.exact_regrid import (
    Shape,
    filled_array,
    match_exactly,
    regrid_exactly,
    to_triple,
)
from transmodal.volumes.geometry.grid_budget import check_budget
from transmodal.volumes.volume import TOLERANCE_MM, Grid, Volume, Voxels

How = Literal["linear", "nearest", "cubic"]
Step = NDArray[np.float64]

REACH = 0.75
"""Distance in voxels to which a volume is continued beyond its outermost centres.

Half a voxel is the voxel's own; a quarter is what `working_grid` may lack on a side, because it rounds the
field of view to whole voxels. So a volume that goes to a working grid and back has no rim of `fill`.
"""


def resample(volume: Volume, grid: Grid, *, how: How = "linear", fill: float = 0.0) -> Volume:
    """Bring a volume onto a grid.

    Where the grids' voxels coincide (axes permuted, flipped, moved by whole voxels) they are copied bit by
    bit in their own type. Otherwise they are interpolated in float32, in colour channel by channel;
    `nearest` keeps the type. Along axes where the grid is f times coarser the volume is smoothed first by
    a Gaussian of FWHM `sqrt(f^2 - 1)` source voxels (not for `nearest`). Up to `REACH` voxels beyond the
    outermost centres the edge goes on, since a voxel reaches beyond its centre; further out is `fill`.

    Args:
        volume: grey or colour.
        grid: where to.
        how: `linear`, `nearest` or `cubic` (interpolating B-spline, which can overshoot).
        fill: value outside the field of view.

    Raises:
        InputError: E120 when voxels to interpolate are not finite.
        UsageError: E001 when the voxels keep their type and it cannot hold `fill`.
        ResourceError: E401 for a grid beyond the budget.
    """
    match = match_exactly(volume.grid, grid)
    if match is not None:
        return Volume(regrid_exactly(volume.voxels, match, grid.shape, fill), grid.affine)
    check_budget(volume.grid, grid)
    step = np.linalg.inv(volume.affine) @ grid.affine
    axes = _parallel_axes(step, volume.spacing, grid.shape)
    if how == "nearest":
        return Volume(_resample_nearest(volume.voxels, step, grid.shape, axes, fill), grid.affine)

    def channel(voxels: Voxels) -> NDArray[np.float32]:
        values = _check_finite(np.asarray(voxels, dtype=np.float32))
        if axes is None:
            return _resample_obliquely(values, step, grid.shape, how, fill)
        return _resample_separably(values, step, grid.shape, axes, how, fill)

    return Volume(_by_channel(channel, volume), grid.affine)


def footprint(mask: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Return the voxels of a grid that a volume's voxels in a mask are made of, where it is resampled from there.

    With `linear`; where the grids are not parallel all voxels count.

    Args:
        mask: on the grid that is resampled to; not 0 inside.
        grid: that is resampled from.
    """
    inside = np.asarray(mask.voxels) != 0
    match = match_exactly(mask.grid, grid)
    if match is not None:
        return regrid_exactly(inside, match, grid.shape, fill=False)
    step = np.linalg.inv(grid.affine) @ mask.affine
    if _parallel_axes(step, grid.spacing, mask.grid.shape) != (0, 1, 2):
        return np.ones(grid.shape, np.bool_)
    values = inside.astype(np.float32)
    for axis, n in enumerate(grid.shape):
        positions = np.clip(_positions(step, mask.grid.shape, (0, 1, 2), axis), -1, n)
        matrix = interpolation.sampling_matrix(n, positions, _coarsening(step, axis))
        values = interpolation.multiply_axis(np.ascontiguousarray(matrix.T > 0, np.float32), values, axis)
    reached: NDArray[np.bool_] = values > 0
    return reached


def _by_channel(channel: Callable[[Voxels], NDArray[np.float32]], volume: Volume) -> NDArray[np.float32]:
    if not volume.is_colour:
        return channel(volume.voxels)
    return np.stack([channel(volume.voxels[..., c]) for c in range(volume.n_channels)], axis=-1)


def _check_finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    finite = np.isfinite(values)
    if not finite.all():
        raise InputError(
            "E120",
            f"{int(values.size - finite.sum())} voxels that are not finite, in a volume to interpolate",
            "finite voxels",
            "Repair the image, or read it with non-finite voxels set to zero.",
        )
    return values


def _parallel_axes(step: Step, spacing: tuple[float, ...], shape: Shape) -> Shape | None:
    """Return the target axis along each source axis, or None where the axes are not parallel.

    They count as parallel where dropping the tilt moves no target voxel by more than `TOLERANCE_MM`.
    """
    turns = step[:3, :3]
    axes = np.abs(turns).argmax(axis=1)
    if len(set(axes.tolist())) < 3:
        return None
    tilt = np.abs(turns)
    tilt[np.arange(3), axes] = 0
    moved_mm = tilt @ (np.array(shape) - 1) * np.array(spacing)
    return to_triple(axes) if moved_mm.max() <= TOLERANCE_MM else None


def _positions(step: Step, shape: Shape, axes: Shape, axis: int) -> NDArray[np.float64]:
    positions: NDArray[np.float64] = step[axis, axes[axis]] * np.arange(shape[axes[axis]]) + step[axis, 3]
    return positions


def _is_beyond(positions: NDArray[np.float64], n: int) -> NDArray[np.bool_]:
    reach = REACH + 1e-3
    return (positions < -reach) | (positions > n - 1 + reach)


def _coarsening(step: Step, axis: int) -> float:
    """Return how much coarser the target is along a source axis: the spread of its step along it."""
    return float(np.linalg.norm(step[axis, :3]))


def _resample_separably(
    values: NDArray[np.float32], step: Step, shape: Shape, axes: Shape, how: interpolation.Smooth, fill: float
) -> NDArray[np.float32]:
    beyond = []
    matrices = []
    for axis, n in enumerate(values.shape):
        positions = _positions(step, shape, axes, axis)
        beyond.append(_is_beyond(positions, n))
        inside = np.clip(positions, -1, n)
        matrices.append(interpolation.sampling_matrix(n, inside, _coarsening(step, axis), how=how))
    # The axis that shrinks most comes first: the products after it are smaller.
    for axis in sorted(range(3), key=lambda a: len(matrices[a]) / values.shape[a]):
        values = interpolation.multiply_axis(matrices[axis], values, axis)
    out = np.ascontiguousarray(values.transpose(np.argsort(axes)))
    for axis in range(3):
        out[(slice(None),) * axes[axis] + (beyond[axis],)] = fill
    return out


def _resample_obliquely(
    values: NDArray[np.float32], step: Step, shape: Shape, how: interpolation.Smooth, fill: float
) -> NDArray[np.float32]:
    for axis, n in enumerate(values.shape):
        if _coarsening(step, axis) > interpolation.COARSER:
            values = interpolation.multiply_axis(
                interpolation.smoothing_matrix(n, _coarsening(step, axis)).astype(np.float32), values, axis
            )
    if how == "cubic":
        values = ndimage.spline_filter(values, order=3, output=np.float32, mode="mirror")
    return _transform(values, step, shape, how, fill)


def _resample_nearest(voxels: Voxels, step: Step, shape: Shape, axes: Shape | None, fill: float) -> Voxels:
    if axes is None:
        grey = voxels[..., None] if voxels.ndim == 3 else voxels
        moved = [_transform(grey[..., c], step, shape, "nearest", fill) for c in range(grey.shape[-1])]
        return moved[0] if voxels.ndim == 3 else np.stack(moved, axis=-1)
    beyond, index = [], []
    for axis in range(3):
        positions = _positions(step, shape, axes, axis)
        beyond.append(_is_beyond(positions, voxels.shape[axis]))
        index.append(interpolation.nearest_index(voxels.shape[axis], positions))
    nearest = voxels[np.ix_(*index)].transpose([*np.argsort(axes), *range(3, voxels.ndim)])
    out = np.array(nearest, order="C", subok=False)
    for axis in range(3):
        if beyond[axis].any():
            out[(slice(None),) * axes[axis] + (beyond[axis],)] = filled_array((), fill, out.dtype)
    return out


_ORDERS: dict[How, int] = {"nearest": 0, "linear": 1, "cubic": 3}


def _transform(values: NDArray[Any], step: Step, shape: Shape, how: How, fill: float) -> NDArray[Any]:
    out: NDArray[Any] = ndimage.affine_transform(
        values,
        step[:3, :3],
        step[:3, 3],
        output_shape=shape,
        order=_ORDERS[how],
        mode="mirror" if how == "cubic" else "nearest",
        prefilter=False,
    )
    j, k = np.ogrid[: shape[1], : shape[2]]
    for i in range(shape[0]):  # plane by plane: positions of a whole large grid would not fit in memory
        beyond = np.zeros(shape[1:], dtype=bool)
        for axis in range(3):
            row = step[axis]
            beyond |= _is_beyond(row[0] * i + row[1] * j + row[2] * k + row[3], values.shape[axis])
        if beyond.any():
            out[i][beyond] = filled_array((), fill, out.dtype)
    return out
