"""Lesions of a known place: seen where they are, gone where they are not, and look-alikes counted."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.evaluation.measures.lesions import look_alikes, measure, surroundings
from transmodal.volumes import Volume

SHAPE, SPACING = (40, 40, 40), (2.0, 2.0, 2.0)
AFFINE = np.diag([*SPACING, 1.0])
WHITE = np.ones(SHAPE)
RNG = np.random.default_rng(0)


def ball(centre: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    index = np.indices(SHAPE) * 2.0
    distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(index, centre, strict=True)))
    return np.clip(0.5 - (distance - radius_mm) / 3, 0, 1)


COVERAGE = ball((40, 40, 40), 8)


def image(strength: float, *others: np.ndarray) -> Volume:
    lesions = COVERAGE * strength + sum(others, np.zeros(SHAPE))
    return Volume((0.5 + lesions + 0.02 * RNG.normal(size=SHAPE)).astype(np.float32), AFFINE)


@pytest.mark.parametrize("strength", [0.3, -0.3])
def test_a_lesion_as_measured(strength: float) -> None:
    place = surroundings(COVERAGE, WHITE, COVERAGE, SPACING)
    assert place is not None
    figures = measure(image(strength), place)
    assert figures.contrast == pytest.approx(0.9 * strength, rel=0.1)
    assert figures.detectability > 0.99
    assert figures.volume_ml == pytest.approx(4 / 3 * np.pi * 0.8**3, rel=0.2)


def test_a_lesion_that_vanished_and_one_half_as_strong() -> None:
    place = surroundings(COVERAGE, WHITE, COVERAGE, SPACING)
    assert place is not None
    contrast = measure(image(0.3), place).contrast
    gone, half = measure(image(0.0), place, contrast), measure(image(0.15), place, contrast)
    assert gone.detectability == pytest.approx(0.5, abs=0.06)
    assert gone.volume_ml == 0
    assert half.contrast / contrast == pytest.approx(0.5, abs=0.05)
    inverted = measure(image(-0.3), place, contrast)
    assert inverted.detectability < 0.01


def test_a_lesion_too_small_for_the_grid_is_not_measured() -> None:
    small = ball((41, 41, 41), 1.0)
    assert surroundings(small, WHITE, small, SPACING) is None
    assert surroundings(COVERAGE, np.zeros(SHAPE), COVERAGE, SPACING) is None


def test_look_alikes_are_counted_away_from_lesions() -> None:
    invented = 0.3 * ball((16, 16, 16), 6)
    assert look_alikes(image(0.3), WHITE, COVERAGE, 0.3).max() == 0
    labels = look_alikes(image(0.3, invented), WHITE, COVERAGE, 0.3)
    assert len(np.unique(labels)) == 2
    assert labels[8, 8, 8] > 0
    assert look_alikes(image(0.3, -invented), WHITE, COVERAGE, 0.3).max() == 0
    assert look_alikes(image(0.3), np.zeros(SHAPE), COVERAGE, 0.3).max() == 0
