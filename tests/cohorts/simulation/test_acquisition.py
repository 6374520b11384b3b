"""The grid that a scanner takes, its bias and its noise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from transmodal.cohorts.simulation import acquisition, anatomy, draws
from transmodal.cohorts.simulation.subject import AnatomyOnGrid, VirtualSubject, draw_subject


def drawn(index: int, spacing_mm: float = 6.0) -> VirtualSubject:
    return draw_subject(7, index, spacing_mm, 0.0, lesions=True)


@pytest.mark.parametrize("index", range(8))
def test_grid_holds_the_head_and_lies_obliquely(index: int) -> None:
    subject = drawn(index)
    grid = subject.grid
    assert max(grid.spacing) <= 6 * 1.06 * 1.15 + 1e-6
    assert min(grid.spacing) >= 6 * 0.94 - 1e-6
    assert grid.orientation in acquisition.ORIENTATIONS
    assert not grid.is_sheared
    surface = grid.voxel(anatomy.to_scanner(anatomy.surface(), subject.affine, subject.warp))
    assert surface.min() > 0.5
    assert (np.array(grid.shape) - 1.5 - surface.max(axis=0)).min() > 0


def test_orientations_vary_between_subjects() -> None:
    rngs = [draws.stream(3, index, "grid") for index in range(20)]
    corners = np.array([[-70.0, -100, -70], [70, 70, 80]])
    found = {acquisition.draw_grid(rng, 6.0, corners).orientation for rng in rngs}
    assert len(found) >= 5


STILL = np.zeros(3)


@cache
def seen(index: int) -> AnatomyOnGrid:
    return AnatomyOnGrid(draw_subject(2024, index, 4.0, 0.0, lesions=True), STILL)


def test_bias_is_smooth_and_of_the_strength_asked_for() -> None:
    place = seen(0).place
    fields = [acquisition.bias(np.random.default_rng(n), place.nodes_world, 0.05) for n in range(12)]
    assert float(np.std(fields)) == pytest.approx(0.05, rel=0.5)
    assert float(np.abs(np.diff(fields[0], axis=0)).max()) < 0.02


def test_rician_noise_has_a_floor() -> None:
    noise = acquisition.rician(np.random.default_rng(0), np.zeros((40, 40, 40), np.float32), 2.0)
    assert float(noise.mean()) == pytest.approx(2 * np.sqrt(np.pi / 2), rel=0.02)
    bright = acquisition.rician(np.random.default_rng(0), np.full((40, 40, 40), 100, np.float32), 2.0)
    assert float(bright.std()) == pytest.approx(2, rel=0.02)
