"""Grids and volumes: where voxels lie, and what is neither a grid nor a volume."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.volumes.volume import Grid, Volume

LPS = np.array([[-2.0, 0, 0, 10], [0, -1, 0, 20], [0, 0, 3, -5], [0, 0, 0, 1]])


def moved(off_mm: float) -> NDArray[np.float64]:
    """Return the affine with an origin that lies further right."""
    affine = LPS.copy()
    affine[0, 3] += off_mm
    return affine


def test_a_grid_says_where_its_voxels_lie() -> None:
    grid = Grid((3, 4, 5), LPS)
    assert grid.spacing == (2.0, 1.0, 3.0)
    assert grid.orientation == "LPS"
    assert grid.origin == (10.0, 20.0, -5.0)
    assert not grid.is_sheared
    np.testing.assert_array_equal(grid.world(np.array([1, 2, 3])), [8, 18, 4])
    np.testing.assert_allclose(grid.voxel(np.array([[8.0, 18, 4], [9, 18, 4]])), [[1, 2, 3], [0.5, 2, 3]])
    assert grid.corners().shape == (8, 3)
    np.testing.assert_array_equal(grid.corners()[[0, -1]], [[10, 20, -5], [6, 17, 7]])


def test_grids_are_equal_by_their_bits_and_the_same_within_a_micrometre() -> None:
    grid, near, far = (Grid((3, 4, 5), moved(off)) for off in (0, 5e-4, 2e-3))
    assert grid == Grid((3, 4, 5), LPS)
    assert hash(grid) == hash(Grid((3, 4, 5), LPS))
    assert grid != near
    assert grid.same_as(near)
    assert not grid.same_as(far)
    assert grid.same_as(far, tolerance_mm=0.01)
    assert not grid.same_as(Grid((3, 4, 6), LPS))


def test_shear_is_noticed() -> None:
    sheared = np.eye(4)
    sheared[0, 1] = 0.01
    assert Grid((2, 2, 2), sheared).is_sheared


@pytest.mark.parametrize(
    ("shape", "affine", "code"),
    [
        ((3, 0, 5), np.eye(4), "E124"),
        ((3, 4), np.eye(4), "E124"),
        ((3, 4, 5), np.diag([1.0, 0, 1, 1]), "E112"),
        ((3, 4, 5), np.diag([1.0, np.nan, 1, 1]), "E112"),
        ((3, 4, 5), np.eye(3), "E112"),
        ((3, 4, 5), np.diag([1.0, 1, 1, 2]), "E112"),
    ],
)
def test_what_is_no_grid_is_refused(
    shape: tuple[int, int, int], affine: NDArray[np.float64], code: str
) -> None:
    with pytest.raises(InputError) as refused:
        Grid(shape, affine)
    assert refused.value.code == code


def test_an_affine_is_a_copy_that_cannot_be_changed() -> None:
    own = np.eye(4)
    volume = Volume(np.zeros((2, 3, 4)), own)
    own[0, 3] = 7
    assert volume.affine[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        volume.affine[0, 3] = 7


def test_colour_has_three_channels_and_a_grid_of_three_axes() -> None:
    grey, colour = Volume(np.zeros((2, 3, 4)), LPS), Volume(np.zeros((2, 3, 4, 3), np.uint8), LPS)
    assert (grey.n_channels, colour.n_channels) == (1, 3)
    assert not grey.is_colour
    assert colour.is_colour
    assert colour.grid == grey.grid
    assert (colour.spacing, colour.orientation) == ((2.0, 1.0, 3.0), "LPS")


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 2), (2, 3, 4, 3, 1)])
def test_what_is_neither_grey_nor_colour_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="Choose one frame") as refused:
        Volume(np.zeros(shape), np.eye(4))
    assert refused.value.code == "E121"


def test_grey_stored_as_rgb_becomes_grey_and_colour_stays() -> None:
    voxels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    thrice = Volume(np.stack([voxels] * 3, axis=-1), LPS, "mni")
    np.testing.assert_array_equal(thrice.in_grey().voxels, voxels)
    assert thrice.in_grey().space == "mni"
    other = thrice.with_voxels(thrice.voxels + np.array([0, 0, 1], np.uint8))
    assert other.in_grey() is other
    grey = thrice.in_grey()
    assert grey.in_grey() is grey


def test_other_voxels_need_the_same_shape() -> None:
    volume = Volume(np.zeros((2, 3, 4)), LPS)
    assert volume.with_voxels(np.zeros((2, 3, 4, 3))).is_colour
    with pytest.raises(InputError) as refused:
        volume.with_voxels(np.zeros((2, 4, 3)))
    assert refused.value.code == "E130"


@pytest.mark.parametrize("number", [1e300, -1e300, 1e38, 2e9, float("nan"), float("inf"), 0.0])
@pytest.mark.parametrize("place", [(0, 0), (1, 2), (0, 3)])
def test_affines_that_place_nothing_are_refused(number: float, place: tuple[int, int]) -> None:
    affine = np.eye(4)
    affine[place] = number
    if number == 0 and place != (0, 0):
        assert Volume(np.zeros((2, 3, 4), np.int16), affine).spacing == (1, 1, 1)
        return
    with pytest.raises(InputError) as caught:
        Volume(np.zeros((2, 3, 4), np.int16), affine)
    assert caught.value.code == "E112"
