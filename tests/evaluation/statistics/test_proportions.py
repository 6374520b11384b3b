from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from transmodal.evaluation.statistics.proportions import effective, proportion, wilson


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 20), (15, 20), (20, 20), (263, 500)])
def test_wilsons_interval_is_scipys(successes: int, n: int) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(0.95, "wilson")
    assert wilson(successes / n, n) == pytest.approx((expected.low, expected.high))


def test_one_answer_per_patient_is_plain_wilson() -> None:
    answers = [(f"p{n}", float(n < 14)) for n in range(20)]
    result = proportion(answers)
    assert (result.share, result.answers, result.patients) == (0.7, 20, 20)
    assert result.interval == pytest.approx(wilson(0.7, 20))


def test_the_same_answer_again_of_every_patient_says_no_more() -> None:
    answers = [(f"p{n}", float(n < 14)) for n in range(20) for _ in range(5)]
    assert proportion(answers).interval == pytest.approx(wilson(0.7, 20))


def test_answers_that_vary_within_patients_are_worth_more_than_patients() -> None:
    sums, counts = np.array([3.0, 2.0, 3.0, 2.0, 3.0, 2.0, 3.0, 2.0]), np.full(8, 5.0)
    assert effective(sums, counts) == 40  # less spread than by chance: at most what they are
    clustered = np.array([5.0, 4.0, 4.0, 1.0, 2.0, 0.0, 3.0, 1.0])
    assert 8 < effective(clustered, counts) < 20


def test_all_alike_counts_patients_and_a_patient_with_most_answers_counts_less() -> None:
    assert effective(np.full(10, 4.0), np.full(10, 4.0)) == 10
    assert effective(np.array([91.0, *[1.0] * 9]), np.array([91.0, *[1.0] * 9])) == pytest.approx(
        100**2 / (91**2 + 9)
    )
    result = proportion([(f"p{n}", 1.0) for n in range(10) for _ in range(4)])
    assert result.interval is not None
    assert result.interval.high == pytest.approx(1)
    assert result.interval.low == pytest.approx(stats.binomtest(10, 10).proportion_ci(0.95, "wilson").low)


def test_without_answers_there_is_no_share_and_below_six_patients_no_interval() -> None:
    assert proportion([]) == (None, 0, 0, None)
    assert proportion([(f"p{n}", 1.0) for n in range(5)]) == (1, 5, 5, None)


@pytest.mark.parametrize(("share", "spread"), [(0.5, 0.0), (0.5, 0.3), (0.8, 0.15)])
def test_intervals_cover_the_truth_as_often_as_they_say(share: float, spread: float) -> None:
    draw = np.random.default_rng(7)
    n_patients, n_answers, hits = 14, 6, 0
    for _ in range(400):
        own = np.clip(share + spread * draw.choice([-1.0, 1.0], n_patients), 0, 1)
        answers = [
            (f"p{n}", float(draw.random() < own[n])) for n in range(n_patients) for _ in range(n_answers)
        ]
        interval = proportion(answers).interval
        assert interval is not None
        hits += interval.low <= share <= interval.high
    assert hits / 400 > 0.93
