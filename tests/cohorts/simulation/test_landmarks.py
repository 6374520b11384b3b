"""Levels of the head's landmarks: negative inside, near millimetres, the same on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.simulation import landmarks
from transmodal.volumes.regions import template


def node(x: float, y: float, z: float) -> tuple[int, int, int]:
    i, j, k = (
        round((at - low) / landmarks.STEP_MM) for at, (low, _) in zip((x, y, z), landmarks.BOX, strict=True)
    )
    return i, j, k


def test_a_ball_has_its_radius_as_level_in_its_middle_and_millimetres_near_its_edge() -> None:
    level = landmarks.pair((0, 0, 0), (30, 30, 30), 1.0)
    assert level.dtype == np.float32
    assert level[node(0, 0, 0)] == pytest.approx(-30)
    for x in (24, 27, 30, 33, 36):
        assert level[node(x, 0, 0)] == pytest.approx(x - 30, abs=0.01)
    assert level[node(0, 0, 60)] > 25


def test_ellipsoids_stand_on_both_sides() -> None:
    eyes = landmarks.orbit()
    assert eyes[node(30, 45, -39)] < 0
    assert eyes[node(0, 45, -39)] > 0
    np.testing.assert_allclose(eyes, eyes[::-1], atol=1e-5)


def test_a_union_is_the_nearer_level_where_they_are_apart_and_lower_where_they_meet() -> None:
    a, b = np.array([-5.0, 20.0, 0.0]), np.array([20.0, -3.0, 0.0])
    assert landmarks.union(a, b, 8.0).tolist() == pytest.approx([-5, -3, -2])


def test_a_bell_is_one_in_its_middle() -> None:
    zero, one = np.zeros(1), np.ones(1)
    assert landmarks.blob(zero, zero, zero, (1, 2, 3)) == 1
    assert landmarks.blob(one, 2 * one, 3 * one, (1, 2, 3)) == pytest.approx(np.exp(-3))


def test_the_brain_lies_in_its_cavity_and_the_cord_in_its_canal() -> None:
    mask = template.mask()
    inside = mask.grid.world(np.argwhere(mask.voxels > 0)[::5000].astype(float))
    levels = np.array([landmarks.cavity()[node(*point)] for point in inside])
    assert (levels < 3).all()
    canal, cord = landmarks.canal()
    np.testing.assert_array_less(canal, cord + 1e-4)
    assert (cord < 0).sum() < (canal < 0).sum()


def test_the_skull_is_thin_at_the_temples_and_thick_behind() -> None:
    temple, behind, top = (
        float(landmarks.skull_prior(*np.array([[x], [y], [z]], float))[0])
        for x, y, z in ((70, -5, -14), (0, -104, -14), (0, -20, 80))
    )
    assert temple < -4 < -0.1 < top < 0.1 < 3 < behind
