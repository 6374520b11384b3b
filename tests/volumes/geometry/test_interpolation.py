from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from transmodal.volumes.geometry import interpolation
from transmodal.volumes.geometry.interpolation import Smooth


@pytest.mark.parametrize("how", ["linear", "cubic"])
@pytest.mark.parametrize("n", [1, 2, 3, 11])
def test_reading_at_the_samples_gives_the_samples(n: int, how: Smooth) -> None:
    matrix = interpolation.sampling_matrix(n, np.arange(n, dtype=float), 1.0, how=how)
    np.testing.assert_allclose(matrix, np.eye(n), atol=1e-6)
    assert matrix.dtype == np.float32


@pytest.mark.parametrize("factor", [0.3, 1.0, 1.5, 2.0, 7.3])
@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_rows_sum_to_one_and_are_not_negative(n: int, factor: float) -> None:
    matrix = interpolation.sampling_matrix(n, np.linspace(-0.7, n - 0.3, 17), factor)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-6)
    assert matrix.min() >= 0


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.5])
def test_ramps_are_not_bent_at_the_ends(factor: float) -> None:
    positions = np.linspace(0, 19, 37)
    read = interpolation.sampling_matrix(20, positions, factor) @ np.arange(20, dtype=np.float32)
    np.testing.assert_allclose(read, positions, atol=1e-5)


def test_smoothing_makes_up_the_width() -> None:
    row = interpolation.smoothing_matrix(101, 3.0)[50]
    width = np.sqrt((row * (np.arange(101) - 50) ** 2).sum()) * 2.3548
    assert width == pytest.approx(np.sqrt(8), rel=0.01)


def test_linear_continues_the_edge_and_cubic_mirrors_it() -> None:
    values = np.array([4.0, 6.0, 1.0], np.float32)
    edge = interpolation.sampling_matrix(3, np.array([-0.6, 2.4]), 1.0) @ values
    np.testing.assert_allclose(edge, [4, 1], atol=1e-6)
    mirrored = interpolation.sampling_matrix(3, np.array([-0.6, 0.6, 2.4, 1.6]), 1.0, how="cubic") @ values
    np.testing.assert_allclose(mirrored[[0, 2]], mirrored[[1, 3]], atol=1e-5)


def test_a_cubic_spline_follows_a_smooth_curve_more_closely() -> None:
    index = np.arange(30)
    at = np.linspace(5, 24, 77)
    curve = np.sin(index / 2.5).astype(np.float32)
    errors = {
        how: np.abs(interpolation.sampling_matrix(30, at, 1.0, how=how) @ curve - np.sin(at / 2.5)).max()
        for how in ("linear", "cubic")
    }
    assert errors["cubic"] < errors["linear"] / 20


def test_no_weight_is_denormal() -> None:
    matrix = interpolation.sampling_matrix(200, np.linspace(0, 199, 90), 1.0, how="cubic")
    assert np.abs(matrix[matrix != 0]).min() > np.finfo(np.float32).tiny


def test_nearest_takes_the_inner_of_two_and_stays_inside() -> None:
    np.testing.assert_array_equal(
        interpolation.nearest_index(6, np.array([-3, 0.5, 1.4, 2.6, 4.5, 9])), [0, 1, 1, 3, 4, 5]
    )


def test_along_multiplies_each_axis() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 4, 5, 6)).astype(np.float32)
    for axis in range(4):
        matrix = rng.normal(size=(7, values.shape[axis])).astype(np.float32)
        expected = np.moveaxis(np.tensordot(matrix, values, axes=(1, axis)), 0, axis)
        np.testing.assert_allclose(interpolation.multiply_axis(matrix, values, axis), expected, atol=1e-5)


def test_smoothing_is_the_gaussian_of_the_missing_width() -> None:
    for n, factor in ((9, 2.0), (40, 5.0), (3, 1.5)):
        sigma = np.sqrt(factor**2 - 1) / 2.3548
        matrix = interpolation.smoothing_matrix(n, factor)
        for row in range(n):
            reach = min(row, n - 1 - row, int(np.ceil(4 * sigma)))
            taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
            expected = np.zeros(n)
            expected[row - reach : row + reach + 1] = taps / taps.sum()
            np.testing.assert_allclose(matrix[row], expected, atol=1e-12)


@pytest.mark.parametrize(("factor", "is_smoothed"), [(1.001, False), (1.0011, True), (0.5, False)])
def test_samples_are_smoothed_from_a_thousandth_on(
    factor: float, is_smoothed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpolation, "smoothing_matrix", lambda n, _: np.full((n, n), 1 / n))
    matrix = interpolation.sampling_matrix(5, np.arange(5.0), factor)
    assert (np.count_nonzero(matrix) > 5) == is_smoothed
    assert matrix.flags.c_contiguous


def test_a_spline_s_weights_are_those_of_scipy() -> None:
    values = np.random.default_rng(0).normal(size=9)
    positions = np.array([-1.3, -0.4, 0.0, 0.2, 3.5, 7.9, 8.0, 8.6, 9.7])
    expected = ndimage.map_coordinates(values, [positions], order=3, mode="mirror")
    read = interpolation.sampling_matrix(9, positions, 1.0, how="cubic") @ values
    np.testing.assert_allclose(read, expected, atol=1e-6)
    two = interpolation.sampling_matrix(2, np.array([0.25, 0.5]), 1.0, how="cubic") @ np.array([4.0, 8.0])
    np.testing.assert_allclose(
        two, ndimage.map_coordinates([4.0, 8.0], [[0.25, 0.5]], order=3, mode="mirror"), atol=1e-6
    )


def test_nearest_of_halves_goes_inward_on_both_sides() -> None:
    assert interpolation.nearest_index(5, np.array([0.5, 1.5, 2.5, 3.5])).tolist() == [1, 2, 2, 3]
    assert interpolation.nearest_index(5, np.array([0.4999, 1.49999])).tolist() == [0, 1]
    assert interpolation.nearest_index(1, np.array([-2.0, 0.0, 2.0])).tolist() == [0, 0, 0]
