"""Voxels that only move: how one grid's lie on another's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from numbered import numbered, turned
from transmodal.volumes import Grid
from transmodal.volumes.geometry.reorient import (
    match_exactly,
    reorient,
)


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
