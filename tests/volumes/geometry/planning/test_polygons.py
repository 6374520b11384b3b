"""Polygons on a lattice: areas, holes, and edges that are shared."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import points_in_poly

from transmodal.volumes.geometry.planning.polygons import fill_polygons


def square(low: float, high: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([(low, low), (low, high), (high, high), (high, low)], float)


def test_a_polygon_inside_another_is_a_hole_and_one_inside_that_an_island() -> None:
    inside = fill_polygons([square(-0.5, 9.5), square(1.5, 7.5), square(3.5, 5.5)], (12, 12))
    assert inside.sum() == 10 * 10 - 6 * 6 + 2 * 2
    assert (inside[0, 0], inside[2, 2], inside[4, 4], inside[10, 10]) == (True, False, True, False)


def test_polygons_with_a_common_edge_share_no_place_and_leave_none() -> None:
    left, right = square(0, 4), np.add(square(0, 4), (0, 4))
    both = fill_polygons([left, right], (6, 10))
    parts = [fill_polygons([polygon], (6, 10)) for polygon in (left, right)]
    assert not (parts[0] & parts[1]).any()
    np.testing.assert_array_equal(both, parts[0] | parts[1])
    assert both.sum() == 4 * 8


@pytest.mark.parametrize("seed", range(5))
def test_any_polygon_is_filled_as_scikit_image_fills_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 17))
    polygon = (10, 12) + random.uniform(3, 14, (17, 1)) * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    places = np.stack(np.meshgrid(range(20), range(25), indexing="ij"), axis=-1).reshape(-1, 2)
    expected = points_in_poly(places, polygon).reshape(20, 25)
    np.testing.assert_array_equal(fill_polygons([polygon], (20, 25)), expected)
    np.testing.assert_array_equal(fill_polygons([polygon[::-1]], (20, 25)), expected)
