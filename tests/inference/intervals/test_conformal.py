"""Quantiles over subjects: exact where they can be, refused where the subjects do not suffice, and never too narrow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from transmodal.inference.intervals import conformal
from transmodal.inference.intervals.conformal import STEPS


@pytest.mark.parametrize(("level", "subjects"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_a_level_needs_one_over_alpha_less_one_subjects(level: float, subjects: int) -> None:
    assert conformal.subjects_for(level) == subjects
    assert conformal.highest_level(subjects) >= level - 1e-12
    errors = list(range(1, subjects + 1))
    assert conformal.of_ranks(errors, level) == subjects  # the largest of all
    assert conformal.of_ranks(errors[:-1], level) is None
    tables = [
        conformal.pool([conformal.condense(np.full(5, float(error))) for error in errors[:n]])
        for n in (subjects, subjects - 1)
        if n
    ]
    assert tables[0].at(level) == subjects
    assert all(table.at(level) is None for table in tables[1:])


def test_the_rank_of_a_single_value_is_that_of_the_papers() -> None:
    assert conformal.of_ranks([5.0, 1.0, 4.0, 2.0, 3.0], 0.5) == 3.0
    assert conformal.of_ranks([5.0, 1.0, 4.0, 2.0, 3.0], 2 / 3) == 4.0
    assert conformal.of_ranks([], 0.5) is None


def test_a_subject_of_many_voxels_weighs_as_one_of_few() -> None:
    large, small = np.zeros(100_000), np.full(10, 7.0)
    table = conformal.pool([conformal.condense(scores) for scores in (large, small)])
    assert table.at(0.3) == 0.0  # 0.3 * 3 / 2 = 0.45 of the pool
    assert table.at(0.4) == 7.0  # 0.6 of it, half of which is the large subject's
    visits = conformal.average([conformal.condense(scores) for scores in (large, small)])
    assert visits.weights.sum() == pytest.approx(1)
    assert conformal.pool([visits]).at(0.2) == 0.0
    assert conformal.pool([visits]).at(0.3) == 7.0


def test_condensing_never_makes_a_score_smaller() -> None:
    scores = np.random.default_rng(3).exponential(size=12_345)
    condensed = conformal.condense(scores)
    assert len(condensed.scores) == STEPS
    assert condensed.weights.sum() == pytest.approx(1)
    assert condensed.scores[-1] == scores.max()
    for share in (0.1, 0.5, 0.9, 0.999):
        kept = condensed.scores[np.searchsorted(np.cumsum(condensed.weights), share - 1e-9)]
        assert kept >= np.quantile(scores, share)
        assert kept <= np.quantile(scores, min(1.0, share + 2 / STEPS))
    assert conformal.condense(np.array([2.0, 1.0])).scores.tolist() == [1.0, 2.0]


def test_values_beyond_the_range_are_in_no_interval() -> None:
    scores = np.where(np.arange(100) < 20, np.inf, 1.0)
    table = conformal.pool([conformal.condense(scores)] * 30)
    assert table.at(0.7) == 1.0
    assert table.at(0.9) is None
    assert math.isinf(table.scores[-1])


def test_the_level_is_held_over_new_subjects_and_no_more_than_by_chance_above() -> None:
    """Subjects differ in how much they err; the level is held over draws of all of them (2000 draws of 20)."""
    draw = np.random.default_rng(7)
    level, held, errors_held = 0.9, [], []
    for _ in range(2000):
        sizes = draw.lognormal(0.0, 0.5, 21)
        subjects = [np.abs(draw.normal(0, size, 60)) for size in sizes]
        table = conformal.pool([conformal.condense(scores) for scores in subjects[:-1]])
        width = table.at(level)
        assert width is not None
        held.append(np.mean(subjects[-1] <= width))
        bound = conformal.of_ranks([scores.mean() for scores in subjects[:-1]], level)
        assert bound is not None
        errors_held.append(subjects[-1].mean() <= bound)
    spread = np.std(held) / np.sqrt(len(held))
    assert np.mean(held) > level - 3 * spread
    assert np.mean(held) < level + 1 / 21 + 0.02
    assert 0.88 < np.mean(errors_held) < 0.95
