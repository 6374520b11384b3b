"""What holds of every disagreement: its order alone counts, the error's own order is best, noise is worth nothing."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import stats

from transmodal.metrics.uncertainty import by_part, sparsification, spearman

Floats = NDArray[np.float64]


def pairs() -> st.SearchStrategy[tuple[Floats, Floats]]:
    """Errors and disagreements with many ties."""
    values = st.integers(0, 12).map(float)
    return st.integers(2, 60).flatmap(
        lambda n: st.tuples(
            hnp.arrays(np.float64, n, elements=values), hnp.arrays(np.float64, n, elements=values)
        )
    )


@given(pairs())
def test_the_mean_over_parts_is_the_mean_over_voxels(pair: tuple[Floats, Floats]) -> None:
    error, doubt = pair
    found = by_part(error, doubt)
    assert np.mean(found.error) == pytest.approx(error.mean())
    assert np.mean(found.disagreement) == pytest.approx(doubt.mean())
    assert list(found.disagreement) == pytest.approx(sorted(found.disagreement))


@given(pairs(), st.randoms(use_true_random=False))
def test_neither_the_place_of_voxels_nor_the_scale_counts(
    pair: tuple[Floats, Floats], chance: object
) -> None:
    error, doubt = pair
    order = np.arange(len(error))
    chance.shuffle(order)  # type: ignore[attr-defined]
    moved = error[order], doubt[order]
    other = error, 3 * doubt**3 + 1
    for one in (moved, other):
        assert by_part(*one).error == pytest.approx(by_part(error, doubt).error)
        assert spearman(*one) == pytest.approx(spearman(error, doubt), nan_ok=True)
        assert sparsification(*one) == pytest.approx(sparsification(error, doubt), nan_ok=True)


@given(pairs())
def test_no_order_is_better_than_the_errors_own(pair: tuple[Floats, Floats]) -> None:
    error, doubt = pair
    if error.max() == 0:
        return
    own, best, worst = (sparsification(error, one) for one in (doubt, error, -error))
    assert best.ause == pytest.approx(0, abs=1e-12)
    assert -1e-12 <= own.ause <= worst.ause + 1e-12
    assert best.random <= worst.ause + 1e-12


@given(pairs())
def test_spearman_is_scipys(pair: tuple[Floats, Floats]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of constant input
        known = float(stats.spearmanr(*pair).statistic)
    assert spearman(*pair) == pytest.approx(known, nan_ok=True, abs=1e-12)


@given(pairs())
def test_sparsification_is_the_mean_over_random_orders_of_ties(pair: tuple[Floats, Floats]) -> None:
    """Independently written: voxel by voxel, with the mean error of its ties."""
    error, doubt = pair
    if error.max() == 0:
        assert math.isnan(sparsification(error, doubt).ause)
        return

    def area(by: Floats) -> float:
        shared = [float(np.mean(error[by == by[n]])) for n in np.argsort(by, kind="stable")]
        return float(np.mean([math.fsum(shared[: n + 1]) / (n + 1) for n in range(len(shared))]))

    expected = (area(doubt) - area(error)) / error.mean()
    assert sparsification(error, doubt).ause == pytest.approx(expected, abs=1e-9)


def test_proportional_errors_are_found_and_noise_is_not() -> None:
    rng = np.random.default_rng(3)
    doubt = rng.random(20_000)
    told = 4 * doubt
    assert spearman(told, doubt) == pytest.approx(1)
    assert sparsification(told, doubt).ause == pytest.approx(0, abs=1e-12)
    assert by_part(told, doubt).error == pytest.approx([0.2 + 0.4 * n for n in range(10)], abs=0.05)
    noise = np.abs(rng.standard_normal(20_000))
    blind = sparsification(noise, doubt)
    assert spearman(noise, doubt) == pytest.approx(0, abs=0.03)
    assert blind.ause == pytest.approx(blind.random, abs=0.02)
    assert blind.random > 0.3
