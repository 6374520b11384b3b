from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from transmodal.errors import UsageError
from transmodal.evaluation.statistics.agreement import bland_altman, non_inferiority
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import (
    by_patient,
    describe,
    holm,
    paired,
    paired_by_run,
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


def test_conditions_of_the_same_trainings_share_their_luck() -> None:
    patients = np.linspace(0, 1, 8)
    at_rest = np.stack([100 + patients, 200 + patients, 900 + patients])
    changed = at_rest + 1 + np.tile([0.2, -0.2], 4)
    by_run, apart = paired_by_run(changed, at_rest), paired(changed, at_rest)
    assert by_run.mean == pytest.approx(1)
    assert by_run.p == apart.p
    assert by_run.interval is not None
    assert 0.7 < by_run.interval.low < 1 < by_run.interval.high < 1.3
    assert apart.interval is not None
    assert apart.interval.low < -100, "other trainings might have had other luck"
    assert paired_by_run(EIGHT, WORSE)[:3] == paired(EIGHT, WORSE)[:3]
    with pytest.raises(UsageError, match="3 and 2 seeds") as caught:
        paired_by_run(changed, at_rest[:2])
    assert caught.value.code == "E001"


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
