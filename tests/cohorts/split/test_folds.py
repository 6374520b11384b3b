from __future__ import annotations

import pytest

from phantoms import entry_of
from refusals import refusal
from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.split.folds import split_as
from transmodal.cohorts.split.split import NAMES, groups_of, rank_groups, split_by_group
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


@pytest.mark.parametrize(
    ("cases", "options", "line"),
    [
        (COHORT, PrepareOptions(fold=(5, 5)), "E001]: fold 5 of 5; expected 0 to one less than two folds or more. Correct it."),
        (COHORT, PrepareOptions(fold=(0, 1)), "E001]: fold 0 of 1; expected 0 to one less than two folds or more. Correct it."),
        (COHORT, PrepareOptions(fold=(0, 18)), "E132]: 17 patients or groups for 18 folds; expected 18 or more. Use fewer folds."),
        (
            COHORT,
            PrepareOptions(test_group="site B", fold=(0, 2)),
            "E004]: a fold and a group held out; expected one of them. Leave one out.",
        ),
        (
            SITES,
            PrepareOptions(test_group="site D"),
            "E132]: no case of the group 'site D'; expected site A, site B, site C. Correct the name; groups come from a "
            "table (--groups, --group-by), or from the layout when it is prepared (transmodal prepare ixi --with group=site).",
        ),
        (
            COHORT,
            PrepareOptions(test_group="site D"),
            "E132]: no case of the group 'site D'; expected cases with groups. Correct the name; groups come from a "
            "table (--groups, --group-by), or from the layout when it is prepared (transmodal prepare ixi --with group=site).",
        ),
        (
            [entry_of(f"s{n}", group=f"g{n}") for n in range(10)],
            PrepareOptions(test_group="g"),
            "E132]: no case of the group 'g'; expected g0, g1, g2, g3, g4, g5, g6, g7. Correct the name; groups come from a "
            "table (--groups, --group-by), or from the layout when it is prepared (transmodal prepare ixi --with group=site).",
        ),
    ],
)  # fmt: skip
def test_a_refusal_says_what_there_is(cases: list[CaseEntry], options: PrepareOptions, line: str) -> None:
    assert refusal(lambda: split_as(cases, options)) == f"error[{line}"


def test_as_many_folds_as_groups_leave_one_out() -> None:
    cases = [entry_of(f"c{n}") for n in range(4)]
    tested = [split_as(cases, PrepareOptions(fold=(number, 4))) for number in range(4)]
    assert sorted(case for split in tested for case in split.test) == ["c0", "c1", "c2", "c3"]
    assert {(len(split.train), len(split.validation), split.by, split.seed) for split in tested} == {
        (2, 1, "patient", 2024)
    }
    halves = [split_as(cases, PrepareOptions(fold=(number, 2), ratios=(1, 0, 1))) for number in range(2)]
    assert [(len(split.train), len(split.validation), len(split.test)) for split in halves] == [(2, 0, 2)] * 2
    assert halves[0].train == halves[1].test


def test_those_that_train_and_validate_are_divided_by_the_seed_s_ranking_and_the_shares() -> None:
    options = PrepareOptions(test_group="site A", ratios=(1, 1, 1), seed=5)
    split = split_as(SITES, options)
    # All cases of a site are one group here, so that one site validates and one trains.
    first = rank_groups(["group site B", "group site C"], 5)[0]
    letter = first[-1]
    assert split.validation == tuple(sorted(case.id for case in SITES if case.group == f"site {letter}"))
    assert split.train == tuple(
        sorted(case.id for case in SITES if case.group not in (f"site {letter}", "site A"))
    )
    assert (split.seed, split.how) == (5, "site A held out")
    counted = split_as(COHORT, PrepareOptions(counts=(10, 3, 4)))
    assert counted == split_by_group(COHORT, counts=(10, 3, 4))
