from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from transmodal.errors import UsageError
from transmodal.evaluation.statistics.agreement import bland_altman, non_inferiority
from transmodal.evaluation.statistics.bootstrap import Interval, Values
from transmodal.evaluation.statistics.paired_tests import (
    by_patient,
    describe,
    holm,
    paired,
    rank_biserial,
    too_few,
    wilcoxon,
)

EIGHT = np.array([3.1, 4.0, 2.5, 5.2, 3.3, 4.8, 2.9, 3.7])
WORSE = EIGHT + np.array([0.5, 0.9, -0.2, 0.4, 1.1, 0.3, 0.8, 0.6])


def test_cases_of_one_patient_are_one_figure() -> None:
    found = by_patient([("b", 1.0), ("a", 5.0), ("b", 2.0)])
    assert found == {"b": 1.5, "a": 5.0}
    assert list(found) == ["b", "a"]
    assert by_patient([("a", math.inf), ("a", 1.0)]) == {"a": math.inf}


def test_a_description_by_hand() -> None:
    found = describe(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 9.0]))
    assert (found.n, found.seeds, found.mean, found.median) == (6, 1, 4.0, 3.5)
    assert found.sd == pytest.approx(math.sqrt(8))
    assert found.of_mean is not None
    assert found.of_median is not None
    assert 1.0 <= found.of_mean.low < 4.0 < found.of_mean.high <= 9.0
    assert found.of_median.low < 3.5 < found.of_median.high


def test_seeds_are_averaged_before_patients_are_described() -> None:
    found = describe(np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]]))
    assert (found.n, found.seeds, found.mean, found.median) == (3, 2, 4.0, 3.0)
    assert found.sd == pytest.approx(np.std([2, 3, 7], ddof=1))


def test_the_same_seed_draws_the_same_interval_and_another_seed_nearly_the_same() -> None:
    values = np.random.default_rng(0).normal(0, 1, 25)
    assert describe(values) == describe(values)
    one, other = describe(values).of_mean, describe(values, seed=1).of_mean
    assert one is not None
    assert other is not None
    assert one != other
    assert np.allclose(one, other, atol=0.05)


@pytest.mark.parametrize("n", range(1, 6))
def test_below_six_patients_nothing_is_tested_and_the_text_says_why(n: int) -> None:
    found, difference = describe(EIGHT[:n]), paired(EIGHT[:n], WORSE[:n])
    assert found.of_mean is found.of_median is difference.interval is difference.p is None
    assert non_inferiority(EIGHT[:n], WORSE[:n], margin=1, higher_is_better=False)[1:] == (None, None, None)
    assert f"{n} patient" in too_few(n)
    if n > 1:  # the least p that n patients can reach is what the text says
        least = stats.wilcoxon(np.arange(1.0, n + 1), method="exact").pvalue
        assert least > 0.05
        assert f"{least:.4g}" in too_few(n)
        assert difference.sd is not None


def test_from_six_patients_on_there_is_a_test() -> None:
    assert too_few(6) == ""
    assert wilcoxon(np.arange(1.0, 7)) == pytest.approx(2 / 2**6)


def test_the_test_is_scipys() -> None:
    differences = EIGHT - WORSE + np.linspace(0, 0.01, 8)
    assert wilcoxon(differences) == stats.wilcoxon(differences, method="exact").pvalue
    assert wilcoxon(differences, "less") == stats.wilcoxon(differences, alternative="less").pvalue
    assert paired(EIGHT, WORSE).p == wilcoxon(EIGHT - WORSE)
    many = np.random.default_rng(0).normal(0.3, 1, 60)
    assert wilcoxon(many) == stats.wilcoxon(many).pvalue


def test_ties_are_enumerated_and_zeros_left_out() -> None:
    # Seven differences of 1, one of -1: of 2^8 signs, 1 + 8 are as far or farther on each side.
    tied = np.array([1.0, 1, 1, 1, 1, 1, 1, -1])
    assert wilcoxon(tied) == pytest.approx(18 / 256)
    assert wilcoxon(np.append(tied, [0, 0, 0])) == pytest.approx(18 / 256)
    assert wilcoxon(np.zeros(8)) == 1.0
    many = np.repeat([1.0, 2, -3, 4], 6)
    assert wilcoxon(many) == stats.wilcoxon(many, method="approx").pvalue


def test_holm_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04, and none less than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, None, 0.04]) == [pytest.approx(0.02), None, pytest.approx(0.04)]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([None]) == [None]


def test_effect_sizes_by_hand() -> None:
    # Ranks 1 to 4 of 1, -2, 3, 4: (1 + 3 + 4 - 2) / 10.
    assert rank_biserial(np.array([1.0, -2, 3, 4])) == pytest.approx(0.6)
    assert rank_biserial(np.array([0.0, 0])) == 0
    assert rank_biserial(-EIGHT) == -1
    difference = paired(np.array([1.0, 2, 4]), np.array([0.0, 0, 0]))
    assert difference.standardised == pytest.approx((7 / 3) / np.std([1, 2, 4], ddof=1))
    assert paired(EIGHT, EIGHT).standardised is None


def test_pairing_takes_out_what_patients_share() -> None:
    spread = np.linspace(0, 100, 12)
    difference = paired(spread + np.tile([0.9, 1.1], 6), spread)
    assert difference.mean == pytest.approx(1)
    assert difference.interval is not None
    assert 0.8 < difference.interval.low < 1 < difference.interval.high < 1.2


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


def test_non_inferiority_looks_at_the_worse_side() -> None:
    lower = non_inferiority(WORSE, EIGHT, margin=1.5, higher_is_better=False)
    assert lower.is_shown is True
    assert lower.worst is not None
    assert 0.55 < lower.worst < 1.5
    assert lower.p == stats.wilcoxon(WORSE - EIGHT - 1.5, alternative="less", method="exact").pvalue
    assert non_inferiority(WORSE, EIGHT, margin=0.5, higher_is_better=False).is_shown is False
    higher = non_inferiority(-WORSE, -EIGHT, margin=1.5, higher_is_better=True)
    assert higher.worst == pytest.approx(lower.worst)
    better = non_inferiority(EIGHT, WORSE, margin=0.1, higher_is_better=False)
    assert better.worst is not None
    assert better.worst < 0


def test_agreement_by_hand() -> None:
    measured = np.array([10.0, 20, 30, 40, 50, 60])
    found = bland_altman(measured + np.array([1.0, -1, 1, -1, 1, -1]) + 2, measured)
    sd = math.sqrt(6 / 5)
    assert found.n == 6
    assert found.bias == pytest.approx(2)
    assert found.sd == pytest.approx(sd)
    assert (found.lower, found.upper) == pytest.approx((2 - 1.95996 * sd, 2 + 1.95996 * sd), abs=1e-4)
    t = stats.t.ppf(0.975, 5)
    assert found.of_bias == pytest.approx((2 - t * sd / math.sqrt(6), 2 + t * sd / math.sqrt(6)))
    assert found.of_upper is not None
    # Bland and Altman's approximation of the limits' standard error: sqrt(1/n + 1.96^2 / (2 (n - 1))) sd.
    assert found.of_upper.high - found.upper == pytest.approx(
        t * sd * math.sqrt(1 / 6 + 1.95996**2 / 10), rel=1e-5
    )


def test_agreement_sees_a_bias_that_grows() -> None:
    measured = np.linspace(100, 1000, 9)
    found = bland_altman(1.1 * measured + np.tile([1.0, -2, 1], 3), measured)
    assert found.of_slope is not None
    assert 0 < found.of_slope.low < (found.slope or 0) < found.of_slope.high
    assert found.slope == pytest.approx(0.1 / 1.05, rel=0.05)
    flat = bland_altman(np.array([1.0, -1]), np.array([-1.0, 1]))
    assert (flat.slope, flat.of_slope, flat.of_bias, flat.of_lower) == (None, None, None, None)


@pytest.mark.parametrize("values", [np.array([]), np.array([1.0, math.nan]), np.zeros((2, 2, 2))])
def test_figures_that_cannot_be_described_are_refused(values: Values) -> None:
    with pytest.raises(UsageError, match="finite ones") as caught:
        describe(values)
    assert caught.value.code == "E001"


def test_other_patients_one_patient_and_a_margin_of_zero_are_refused() -> None:
    with pytest.raises(UsageError, match="8 and 7 patients"):
        paired(EIGHT, EIGHT[:7])
    with pytest.raises(UsageError, match="two or more"):
        bland_altman(np.array([1.0]), np.array([2.0]))
    for margin in (0, -1, math.nan, math.inf):
        with pytest.raises(UsageError, match="margin"):
            non_inferiority(EIGHT, WORSE, margin=margin, higher_is_better=True)
