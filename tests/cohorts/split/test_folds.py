from __future__ import annotations

import pytest

from phantoms import entry_of
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.split.folds import split_as
from transmodal.cohorts.split.split import NAMES, groups_of, split_by_group
from transmodal.errors import InputError, TransmodalError, UsageError

COHORT = [entry_of(f"c{n:02d}", f"p{n // 2:02d}") for n in range(34)]
SITES = [entry_of(f"s{n}", group=f"site {'ABC'[n % 3]}") for n in range(12)]


def test_over_all_folds_each_case_is_tested_once_and_patients_stay_together() -> None:
    tested: list[str] = []
    for number in range(5):
        split = split_as(COHORT, PrepareOptions(fold=(number, 5)))
        tested += split.test
        assert sorted(case for name in NAMES for case in split.ids(name)) == [case.id for case in COHORT]
        for ids in groups_of(COHORT).values():
            assert sum(bool(set(ids) & set(split.ids(name))) for name in NAMES) == 1
        assert min(len(split.train), len(split.validation), len(split.test)) > 0
        assert split.how == f"fold {number} of 5"
    assert sorted(tested) == [case.id for case in COHORT]


def test_a_fold_depends_on_the_seed_alone() -> None:
    one, same, other = (
        split_as(cases, PrepareOptions(fold=(1, 4), seed=seed))
        for cases, seed in ((COHORT, 1), (COHORT[::-1], 1), (COHORT, 2))
    )
    assert one == same
    assert set(one.test) != set(other.test)


def test_a_site_is_held_out_whole_and_tested_alone() -> None:
    split = split_as(SITES, PrepareOptions(test_group="site B"))
    assert split.test == ("s1", "s10", "s4", "s7")
    assert split.by == "group"
    assert split.how == "site B held out"
    assert set(split.train) | set(split.validation) == {case.id for case in SITES} - set(split.test)
    assert split.train and split.validation  # noqa: PT018 - both sides, one statement


def test_without_either_it_is_the_split_by_shares() -> None:
    options = PrepareOptions(ratios=(6, 2, 2), seed=3)
    assert split_as(COHORT, options) == split_by_group(COHORT, (6, 2, 2), seed=3)


@pytest.mark.parametrize(
    ("options", "kind", "part"),
    [
        (PrepareOptions(fold=(5, 5)), UsageError, "fold 5 of 5"),
        (PrepareOptions(fold=(-1, 5)), UsageError, "fold -1 of 5"),
        (PrepareOptions(fold=(0, 1)), UsageError, "fold 0 of 1"),
        (PrepareOptions(fold=(0, 18)), InputError, "17 patients or groups for 18 folds"),
        (PrepareOptions(test_group="site B"), InputError, "no case of the group 'site B'"),
        (PrepareOptions(test_group="site B", fold=(0, 2)), UsageError, "one of them"),
    ],
)
def test_what_cannot_be_is_refused(options: PrepareOptions, kind: type[TransmodalError], part: str) -> None:
    with pytest.raises(kind, match=part):
        split_as(COHORT, options)
