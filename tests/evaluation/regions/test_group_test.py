from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from transmodal.errors import UsageError
from transmodal.evaluation.regions import group_test
from transmodal.evaluation.regions.group_test import GroupModel
from transmodal.evaluation.regions.participants import ParticipantTable

DRAW = np.random.default_rng(5)
NAMES = tuple(f"sub-{n}" for n in range(14))
AGES = DRAW.uniform(20, 60, 14)
SITES = [["a", "b", "c"][n % 3] for n in range(14)]
TABLE = ParticipantTable(
    ("age", "twice", "site", "one", "word"),
    {
        name: {"age": str(a), "twice": str(2 * a), "site": s, "one": "x", "word": name}
        for name, a, s in zip(NAMES, AGES, SITES, strict=True)
    },
)


def figures(values: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, map(float, values), strict=True))


def test_one_column_is_a_regression_line() -> None:
    y = 0.02 * AGES + DRAW.standard_normal(14)
    (test,) = group_test.by_region({"r": figures(y)}, group_test.design(GroupModel("age"), TABLE, NAMES))
    line = stats.linregress(AGES, y)
    assert np.allclose((test.estimate, test.se, test.p), (line.slope, line.stderr, line.pvalue))
    assert (test.n, test.df, test.term, test.q) == (14, 12, "age", pytest.approx(test.p))
    assert test.high - test.estimate == pytest.approx(stats.t.ppf(0.975, 12) * line.stderr)


def test_two_groups_are_a_t_test() -> None:
    table = ParticipantTable(("sex",), {name: {"sex": "FM"[n % 2]} for n, name in enumerate(NAMES)})
    y = DRAW.standard_normal(14)
    (test,) = group_test.by_region({"r": figures(y)}, group_test.design(GroupModel("sex"), table, NAMES))
    expected = stats.ttest_ind(y[1::2], y[0::2])
    assert test.term == "sex: M against F"
    assert np.allclose((test.t, test.p), (expected.statistic, expected.pvalue))


def test_covariates_are_adjusted_for_and_levels_tested_against_the_first() -> None:
    shift = np.array([{"a": 0.0, "b": 1.0, "c": -2.0}[site] for site in SITES])
    y = 0.3 * AGES + shift + 1e-3 * DRAW.standard_normal(14)
    terms = group_test.by_region(
        {"r": figures(y)}, group_test.design(GroupModel("site", ("age",)), TABLE, NAMES)
    )
    assert [term.term for term in terms] == ["site: b against a", "site: c against a"]
    assert np.allclose([term.estimate for term in terms], [1.0, -2.0], atol=0.01)


def test_the_false_discovery_rate_is_over_regions_of_a_term() -> None:
    regions = {f"r{n}": figures(DRAW.standard_normal(14)) for n in range(5)}
    regions["flat"] = figures(np.ones(14))
    tests = group_test.by_region(regions, group_test.design(GroupModel("age"), TABLE, NAMES))
    ps = [test.p for test in tests[:5]]
    assert np.allclose([test.q for test in tests[:5]], stats.false_discovery_control(ps))
    assert math.isnan(tests[5].p)
    assert math.isnan(tests[5].q)


def test_a_region_that_few_have_has_no_figures() -> None:
    values = DRAW.standard_normal(14)
    values[5:] = math.nan
    (test,) = group_test.by_region({"r": figures(values)}, group_test.design(GroupModel("age"), TABLE, NAMES))
    assert test.n == 5
    assert math.isnan(test.p)


@pytest.mark.parametrize(
    ("model", "part"),
    [
        (GroupModel("age", ("twice",)), "say the same"),
        (GroupModel("one"), "x for all"),
        (GroupModel("word"), "14 values that are no numbers"),
    ],
)
def test_models_that_cannot_be_fitted_are_refused(model: GroupModel, part: str) -> None:
    group_test.check(model, TABLE)
    with pytest.raises(UsageError, match=part):
        group_test.design(model, TABLE, NAMES)


def test_few_participants_and_unknown_columns_are_refused() -> None:
    with pytest.raises(UsageError, match="5 participants"):
        group_test.design(GroupModel("age"), TABLE, NAMES[:5])
    with pytest.raises(UsageError, match="Did you mean age"):
        group_test.check(GroupModel("agee"), TABLE)
    with pytest.raises(UsageError, match="each once"):
        group_test.check(GroupModel("age", ("age",)), TABLE)
