"""Intervals cover the truth as often as they say, over patients and over seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from transmodal.evaluation.statistics.bootstrap import Interval, Values
from transmodal.evaluation.statistics.paired_tests import (
    describe,
    paired,
)

EIGHT = np.array([3.1, 4.0, 2.5, 5.2, 3.3, 4.8, 2.9, 3.7])


def test_the_same_seed_draws_the_same_interval_and_another_seed_nearly_the_same() -> None:
    values = np.random.default_rng(0).normal(0, 1, 25)
    assert describe(values) == describe(values)
    one, other = describe(values).of_mean, describe(values, seed=1).of_mean
    assert one is not None
    assert other is not None
    assert one != other
    assert np.allclose(one, other, atol=0.05)


def test_seeds_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    calm = np.stack([EIGHT, EIGHT, EIGHT])
    restless = calm + np.array([[-1.0], [0], [1]])
    one, three = describe(calm).of_mean, describe(restless).of_mean
    assert one is not None
    assert three is not None
    assert describe(restless).mean == pytest.approx(EIGHT.mean())
    assert three.high - three.low > 1.2 * (one.high - one.low)
    few = paired(restless, EIGHT[None] + rng.normal(0, 0.1, (2, 8)))
    assert few.n == 8
    assert few.interval is not None
    assert few.interval.low < few.mean < few.interval.high


def test_an_interval_of_a_figure_with_bounds_keeps_to_them() -> None:
    dice = np.array([[0.0, 0.01, 0.0, 0.02, 0.0, 0.01, 0.0, 0.0], [0.9, 1.0, 0.8, 1.0, 1.0, 0.9, 1.0, 1.0]])
    found = describe(dice).of_mean
    assert found is not None
    assert 0 <= found.low < found.high <= 1


def _covered(found: Interval | None, truth: float) -> bool:
    assert found is not None
    return found.low <= truth <= found.high


@pytest.mark.parametrize(
    ("patients", "least", "most"), [(6, 0.90, 0.97), (12, 0.92, 0.975), (30, 0.925, 0.975)]
)
def test_intervals_of_normal_data_cover_their_truth(patients: int, least: float, most: float) -> None:
    rng = np.random.default_rng(patients)
    found = [describe(rng.normal(5, 2, patients), resamples=1999) for _ in range(400)]
    assert least < np.mean([_covered(one.of_mean, 5) for one in found]) < most
    assert np.mean([_covered(one.of_median, 5) for one in found]) > 0.9


def test_intervals_of_skewed_data_and_of_differences_cover_their_truth() -> None:
    rng = np.random.default_rng(1)
    hits: list[tuple[bool, bool]] = []
    for _ in range(400):
        patients = rng.lognormal(0, 0.6, 12)
        noise: Values = rng.normal(0.3, 0.5, 12)
        hits.append(
            (
                _covered(describe(patients, resamples=1999).of_mean, math.exp(0.18)),
                _covered(paired(patients + noise, patients, resamples=1999).interval, 0.3),
            )
        )
    skewed, differences = np.mean(hits, axis=0)
    assert 0.88 < skewed < 0.98
    assert 0.92 < differences < 0.98


def test_intervals_over_seeds_cover_the_mean_of_all_trainings() -> None:
    rng = np.random.default_rng(2)
    both, patients_alone = [], []
    for _ in range(400):
        trainings, noise = rng.normal(0, 0.3, (3, 1)), rng.normal(0, 0.3, (3, 10))
        figures = rng.normal(0, 1, 10) * 0.5 + trainings + noise
        both.append(_covered(describe(figures, resamples=1999).of_mean, 0))
        patients_alone.append(_covered(describe(figures.mean(axis=0), resamples=1999).of_mean, 0))
    assert 0.9 < np.mean(both) < 0.985
    assert np.mean(both) > np.mean(patients_alone) + 0.02
