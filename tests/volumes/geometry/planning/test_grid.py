"""Grids of planning systems: axial, even, around the whole field of view."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from transmodal.errors import UsageError
from transmodal.volumes import Grid
from transmodal.volumes.geometry.planning.grid import planning_grid


def oblique(code: str = "PSR") -> Grid:
    axes = {"R": (1, 0, 0), "P": (0, -1, 0), "S": (0, 0, 1), "L": (-1, 0, 0)}
    affine = np.eye(4)
    affine[:3, :3] = np.array([axes[letter] for letter in code]).T * (0.9, 1.1, 4.0)
    affine[:3, :3] = Rotation.from_euler("xyz", (8, -5, 12), degrees=True).as_matrix() @ affine[:3, :3]
    affine[:3, 3] = (-41, 33, -80)
    return Grid((31, 45, 13), affine)


@pytest.mark.parametrize("spacing", [None, (1.0, 1.0, 3.0), (0.7, 1.3, 2.0)])
def test_it_is_axial_and_even_and_holds_the_field_of_view(spacing: tuple[float, float, float] | None) -> None:
    source = oblique()
    grid = planning_grid(source, spacing)
    assert grid.orientation == "LPS"
    np.testing.assert_array_equal(grid.affine[:3, :3], np.diag(np.diag(grid.affine[:3, :3])))
    assert (grid.shape[0] % 2, grid.shape[1] % 2) == (0, 0)
    # Right-left, front-back and feet-head are the source's third, first and second axes.
    np.testing.assert_allclose(grid.spacing, spacing or (4.0, 0.9, 1.1), rtol=1e-12)
    edges = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in source.shape])).reshape(3, -1).T
    inside = grid.voxel(source.world(edges))
    assert (inside >= -0.5 - 1e-6).all()
    assert (inside <= np.array(grid.shape) - 0.5 + 1e-6).all()
    # No more than two voxels wider than it has to be.
    assert (np.ptp(inside, axis=0) > np.array(grid.shape) - 2 - 1e-6).all()


def test_an_axial_even_grid_stays() -> None:
    source = Grid((20, 30, 7), np.diag([-1.0, -1.0, 3.0, 1.0]))
    assert planning_grid(source).same_as(source)
    assert planning_grid(Grid((19, 30, 7), source.affine)).shape == (20, 30, 7)


@pytest.mark.parametrize("spacing", [(1, 1), (1, 1, 0), (1, 1, float("nan"))])
def test_a_spacing_is_three_numbers_above_0(spacing: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="three numbers above 0") as refused:
        planning_grid(oblique(), spacing)
    assert refused.value.code == "E001"
