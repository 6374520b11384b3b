from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import describe, holm, paired, rank_biserial, wilcoxon

figures = st.floats(-1000, 1000, allow_nan=False).map(lambda value: round(value, 3))
matrices = npst.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 12)), elements=figures)
p_values = st.lists(st.none() | st.floats(0, 1), max_size=8)


@given(p_values)
def test_holm_never_lessens_keeps_the_order_and_stays_a_probability(given_values: list[float | None]) -> None:
    corrected = holm(given_values)
    pairs = [(p, q) for p, q in zip(given_values, corrected, strict=True) if p is not None and q is not None]
    assert [p is None for p in given_values] == [q is None for q in corrected]
    assert all(p <= q <= 1 for p, q in pairs)
    assert [q for _, q in sorted(pairs)] == sorted(q for _, q in pairs)
    if pairs:
        least = min(p for p, _ in pairs)
        assert min(q for _, q in pairs) == min(1.0, least * len(pairs))


@settings(deadline=None, max_examples=30)
@given(matrices)
def test_the_order_of_seeds_does_not_matter_to_what_is_described(matrix: Values) -> None:
    found = describe(matrix, resamples=199)
    turned = describe(matrix[::-1], resamples=199)
    assert np.allclose(found[:3], turned[:3])
    if found.of_mean is not None:
        slack = 1e-9 * (1 + np.abs(matrix).max())
        assert found.of_mean.low - slack <= found.of_mean.high + slack


@settings(deadline=None, max_examples=30)
@given(matrices)
def test_differences_change_their_sign_with_the_order(matrix: Values) -> None:
    other = matrix[:, ::-1] + 1
    there, back = paired(matrix, other, resamples=199), paired(other, matrix, resamples=199)
    assert np.isclose(there.mean, -back.mean)
    assert np.isclose(there.rank_biserial, -back.rank_biserial)
    assert (there.p is None) == (back.p is None) == (there.n < 6)
    if there.p is not None and back.p is not None:
        assert np.isclose(there.p, back.p)


@settings(deadline=None)
@given(npst.arrays(np.float64, st.integers(6, 12), elements=figures))
def test_a_test_is_a_probability_and_an_effect_a_correlation(differences: Values) -> None:
    p = wilcoxon(differences)
    assert p is not None
    assert 0 < p <= 1
    assert -1 <= rank_biserial(differences) <= 1
