"""Intervals, tests and correlations beside independent ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from transmodal.evaluation.statistics.paired_tests import describe, paired, rank_biserial, wilcoxon

FIGURES = np.random.default_rng(4).gamma(3.0, 20.0, 17)


def _moved(n: int) -> float:
    """Hesterberg's confidence level, whose plain percentiles are the moved ones of 95 %."""
    reach = np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)
    return float(1 - 2 * stats.norm.sf(reach))


@pytest.mark.parametrize(("name", "statistic"), [("of_mean", np.mean), ("of_median", np.median)])
def test_intervals_are_scipys_at_the_moved_level(name: str, statistic: object) -> None:
    theirs = stats.bootstrap(
        (FIGURES,), statistic, confidence_level=_moved(17), method="percentile", n_resamples=20_000, rng=1
    ).confidence_interval
    ours = getattr(describe(FIGURES, resamples=20_000), name)
    assert np.allclose(ours, theirs, atol=0.04 * FIGURES.std())


def test_paired_intervals_are_scipys() -> None:
    other = FIGURES + np.random.default_rng(5).normal(2, 3, 17)
    theirs = stats.bootstrap(
        (other, FIGURES),
        lambda one, two, axis: np.mean(one - two, axis=axis),
        paired=True,
        vectorized=True,
        confidence_level=_moved(17),
        method="percentile",
        n_resamples=20_000,
        rng=1,
    ).confidence_interval
    ours = paired(other, FIGURES, resamples=20_000).interval
    assert ours is not None
    assert np.allclose(ours, theirs, atol=0.15)


@pytest.mark.parametrize("seed", range(6))
def test_p_is_the_share_of_all_signs_that_are_as_far(seed: int) -> None:
    differences = np.round(np.random.default_rng(seed).normal(0.7, 1, 9), seed % 3)  # rounding ties some
    ranks = stats.rankdata(np.abs(differences[differences != 0]))
    signs = np.array(list(itertools.product([-1, 1], repeat=len(ranks))))
    sums = signs @ ranks
    found = np.sign(differences[differences != 0]) @ ranks
    assert wilcoxon(differences) == pytest.approx(np.mean(np.abs(sums) >= abs(found) - 1e-9))


def test_rank_biserial_is_the_share_of_pairs_of_patients_that_speak_for_it() -> None:
    """Kerby's simple difference: Walsh averages above 0 minus those below are the signed ranks."""
    differences = np.random.default_rng(8).normal(0.4, 1, 11)
    walsh = [(a + b) / 2 for n, a in enumerate(differences) for b in differences[n:]]
    assert rank_biserial(differences) == pytest.approx(np.mean(np.sign(walsh)))
