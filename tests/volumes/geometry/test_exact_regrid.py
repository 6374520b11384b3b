"""Voxels that only move: how one grid's lie on another's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import (
    match_exactly,
    reorient,
)

SHAPE = (7, 5, 9)


def turned(degrees: float = 20.0) -> NDArray[np.float64]:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x
    return affine


def numbered(
    shape: tuple[int, ...] = SHAPE, affine: NDArray[np.float64] | None = None, dtype: DTypeLike = np.int16
) -> Volume:
    voxels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return Volume(voxels, np.diag([0.9, 1.1, 3.0, 1.0]) if affine is None else affine)


def test_lattice_match_reads_axes_signs_and_starts() -> None:
    volume = numbered()
    moved = reorient(volume, "SLA").grid
    match = match_exactly(volume.grid, moved)
    assert match is not None
    assert match.axes == (1, 2, 0)
    assert match.signs == (-1, 1, 1)
    assert match.starts == (6, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        np.diag([1.001, 1, 1, 1]),
        np.diag([2.0, 1, 1, 1]),
        np.array([[1, 0, 0, 0.4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
        np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
        turned(3),
    ],
)
def test_lattice_match_refuses_what_would_have_to_be_interpolated(change: NDArray[np.float64]) -> None:
    grid = numbered().grid
    assert match_exactly(grid, Grid(grid.shape, grid.affine @ change)) is None


@pytest.mark.parametrize(("off_mm", "matches"), [(0.9e-3, True), (1.1e-3, False)])
def test_lattice_match_tolerates_a_micrometre_at_the_corners(off_mm: float, matches: bool) -> None:
    grid = numbered().grid
    affine = grid.affine.copy()
    affine[0, 3] += off_mm
    assert (match_exactly(grid, Grid(grid.shape, affine)) is not None) == matches
