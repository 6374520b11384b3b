"""The grid of a planning system: transverse slices that are not oblique, an even matrix, a spacing of one's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import UsageError
from transmodal.volumes.geometry.grid_budget import check_budget
from transmodal.volumes.volume import Grid

_ROUNDING = 1e-6


def planning_grid(grid: Grid, spacing_mm: Sequence[float] | None = None) -> Grid:
    """Return the axial grid around another: columns to the left, rows to the back, slices to the head.

    It holds the other grid's field of view, from outer voxel edge to outer voxel edge, around the same centre; the numbers
    of columns and rows are even.

    Args:
        grid: that is to be held, however it lies.
        spacing_mm: between columns, rows and slices; None takes that of the axes which lie nearest to theirs.

    Raises:
        UsageError: E001 for a spacing that is not three numbers above 0.
        ResourceError: E401 for a grid beyond the budget.
    """
    spacing = _spacing_of(grid) if spacing_mm is None else np.asarray(spacing_mm, float)
    if spacing.shape != (3,) or not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise UsageError(
            "E001", f"a spacing of {spacing_mm} mm", "three numbers above 0, such as 1,1,3", "Correct it."
        )
    lowest, highest = _bounding_box(grid)
    shape = np.maximum(1, np.ceil((highest - lowest) / spacing - _ROUNDING))
    shape[:2] += shape[:2] % 2
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    affine[:3, 3] = (lowest + highest) / 2 - affine[:3, :3] @ ((shape - 1) / 2)
    i, j, k = (int(n) for n in shape)
    axial_grid = Grid((i, j, k), affine)
    check_budget(grid, axial_grid)
    return axial_grid


def _spacing_of(grid: Grid) -> NDArray[np.float64]:
    """Return the spacing along left, back and head, of the axes that lie nearest to them."""
    axes = [
        next(axis for axis, letter in enumerate(grid.orientation) if letter in pair)
        for pair in ("RL", "AP", "SI")
    ]
    return np.array([grid.spacing[axis] for axis in axes])


def _bounding_box(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and the highest coordinates of the outer voxel edges, mm."""
    ends = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in grid.shape])).reshape(3, -1).T
    corners = grid.world(ends)
    return corners.min(axis=0), corners.max(axis=0)
