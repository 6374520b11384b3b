"""What Dice, HD95, gamma and histograms promise for any segmentation and any dose."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from transmodal.metrics.regions.dose import Criterion, dvh, gamma
from transmodal.metrics.regions.overlap import by_structure, dice, hd95, overall

shapes = st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 5))
spacings = st.tuples(*[st.floats(0.5, 4.0)] * 3)
seeds = st.integers(0, 2**31)
quickly = settings(max_examples=25, deadline=None)
Dose = NDArray[np.float64]


def labels(shape: tuple[int, int, int], seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, 3, shape)


def doses(shape: tuple[int, int, int], seed: int) -> tuple[Dose, Dose]:
    rng = np.random.default_rng(seed)
    reference = 20 + 40 * rng.random(shape)
    return reference, reference + rng.normal(0, 1, shape)


@quickly
@given(shapes, spacings, seeds)
def test_overlap_is_symmetric_and_bounded(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int
) -> None:
    one, other = labels(shape, seed), labels(shape, seed + 1)
    farthest = math.hypot(*((n - 1) * mm for n, mm in zip(shape, spacing, strict=True)))
    for figures, back in zip(
        by_structure(one, other, spacing), by_structure(other, one, spacing), strict=True
    ):
        assert figures.dice == back.dice
        assert figures.hd95_mm == back.hd95_mm
        assert 0 <= figures.dice <= 1
        assert 0 <= figures.hd95_mm <= farthest + 1e-9


@quickly
@given(shapes, spacings, seeds)
def test_a_segmentation_agrees_with_itself(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int
) -> None:
    one = labels(shape, seed)
    if one.any():
        assert overall(by_structure(one, one, spacing)) == (1.0, 0.0)


@quickly
@given(shapes, spacings, seeds, st.floats(0.5, 3.0))
def test_distances_grow_with_the_voxels(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int, factor: float
) -> None:
    one, other = labels(shape, seed) > 0, labels(shape, seed + 1) > 0
    larger = hd95(one, other, (factor * spacing[0], factor * spacing[1], factor * spacing[2]))
    assert larger == pytest.approx(factor * hd95(one, other, spacing), nan_ok=True)
    assert dice(one, other) == pytest.approx(dice(one[::-1], other[::-1]), nan_ok=True)


@quickly
@given(shapes, spacings, seeds, st.sampled_from(["global", "local"]))
def test_a_dose_passes_beside_itself_in_any_unit(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int, norm: str
) -> None:
    rule = Criterion(2, 2, steps=3, normalisation="local" if norm == "local" else "global")
    reference, evaluated = doses(shape, seed)
    assert gamma(reference, reference, spacing, rule).mean == 0
    found, scaled = (gamma(k * reference, k * evaluated, spacing, rule) for k in (1, 100))
    np.testing.assert_allclose(scaled.values, found.values, rtol=1e-5, atol=1e-6)
    assert 0 <= found.pass_percent <= 100
    assert found.mean <= rule.limit


@quickly
@given(shapes, spacings, seeds)
def test_wider_tolerances_never_pass_fewer(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int
) -> None:
    reference, evaluated = doses(shape, seed)
    rates = [gamma(reference, evaluated, spacing, Criterion(p, 1.0, steps=3)).pass_percent for p in (1, 2, 4)]
    assert rates == sorted(rates)


@quickly
@given(shapes, seeds)
def test_a_histogram_falls(shape: tuple[int, int, int], seed: int) -> None:
    dose, inside = doses(shape, seed)[0], labels(shape, seed) > 0
    if not inside.any():
        return
    found = dvh(dose, inside, at_least_gy=(0, 30, 50, 70))
    assert found.d98_gy <= found.d95_gy <= found.d2_gy
    shares = list(found.at_least_percent.values())
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == (100, 0)
