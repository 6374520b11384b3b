from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.manifest import CaseEntry, Manifest
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.split import (
    COMMUNITY,
    NAMES,
    Split,
    groups_of,
    read_split,
    sides_in_order,
    split_by_group,
    split_from_sides,
)
from transmodal.errors import InputError, UsageError

MakeEntry = Callable[..., CaseEntry]


def sizes(split: Split) -> tuple[int, ...]:
    return tuple(len(split.ids(name)) for name in NAMES)


@pytest.mark.parametrize(
    ("n", "wanted"),
    [
        (3, (1, 1, 1)),
        (4, (2, 1, 1)),
        (14, (12, 1, 1)),
        (16, (12, 2, 2)),
        (10, (8, 1, 1)),
        (22, (18, 2, 2)),
        (180, (144, 18, 18)),
    ],
)
def test_eight_one_one(entry: MakeEntry, n: int, wanted: tuple[int, int, int]) -> None:
    split = split_by_group([entry(f"s{k:03d}") for k in range(n)])
    assert sizes(split) == wanted
    assert split.seed == 2024
    assert split.by == "patient"


@pytest.mark.parametrize(
    ("ratios", "n", "wanted"),
    [
        ((1, 0, 0), 1, (1, 0, 0)),
        ((9, 0, 1), 10, (9, 0, 1)),
        ((1, 1, 8), 4, (1, 1, 2)),
        ((1, 8, 1), 4, (1, 2, 1)),
        ((0.8, 0.1, 0.1), 20, (16, 2, 2)),
        ((1, 1, 1), 3, (1, 1, 1)),
    ],
)
def test_other_shares(
    entry: MakeEntry, ratios: tuple[float, float, float], n: int, wanted: tuple[int, int, int]
) -> None:
    assert sizes(split_by_group([entry(f"s{k}") for k in range(n)], ratios)) == wanted


def test_counts(entry: MakeEntry) -> None:
    cases = [entry(f"s{k:02d}", patient=f"p{k // 2}") for k in range(36)]
    split = split_by_group(cases, counts=(12, 2, 4))
    assert sizes(split) == (24, 4, 8)
    with pytest.raises(
        InputError, match=r"counts 12:2:5 for 18 patients or groups; expected .* add up to 18"
    ) as caught:
        split_by_group(cases, counts=(12, 2, 5))
    assert caught.value.code == "E132"
    for counts in ((0, 2, 16), (19, -1, 0)):
        with pytest.raises(UsageError, match="counts"):
            split_by_group(cases, counts=counts)


def test_seed_and_order(entry: MakeEntry) -> None:
    cases = [entry(f"s{k:02d}") for k in range(30)]
    one = split_by_group(cases)
    assert split_by_group(cases[::-1]) == one
    assert split_by_group(cases, seed=1).test != one.test
    assert set(one.train) | set(one.validation) | set(one.test) == {case.id for case in cases}


def test_the_house_split_stays_as_it_is(entry: MakeEntry) -> None:
    """A change here moves test cases of every user into training."""
    split = split_by_group([entry(f"s{k:02d}") for k in range(20)])
    assert (split.validation, split.test) == (("s18", "s19"), ("s15", "s16"))


def test_a_cohort_that_grows_moves_few(entry: MakeEntry) -> None:
    cases = [entry(f"s{k:02d}") for k in range(41)]
    before, after = split_by_group(cases[:40]), split_by_group(cases)
    side = {case: name for name in NAMES for case in before.ids(name)}
    moved = [case for name in NAMES for case in after.ids(name) if side.get(case, name) != name]
    assert len(moved) <= 2


def test_patients_and_groups_join(entry: MakeEntry) -> None:
    cases = [
        entry("a", "p1", "north"),
        entry("b", "p1"),
        entry("c", "p2", "north"),
        entry("d", "p2", "south"),
        entry("e", "p3", "south"),
        entry("f", "p4"),
        entry("g", "north"),
        entry("h", "p5", "p4"),
    ]
    joined = {frozenset(ids) for ids in groups_of(cases).values()}
    assert joined == {frozenset("abcde"), frozenset("f"), frozenset("g"), frozenset("h")}
    split = split_by_group(cases)
    assert split.by == "group"
    check_leaks(Manifest(name="c", modalities=("t1",), cases=tuple(cases)), split)
    assert groups_of(cases[::-1]) == groups_of(cases)


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_groups_are_refused(entry: MakeEntry, n: int) -> None:
    cases = [entry(f"s{k}", patient=f"p{k % n}") for k in range(6)]
    with pytest.raises(InputError, match=rf"{n} patients or groups for 3 sides.*--split 1:0:0") as caught:
        split_by_group(cases)
    assert caught.value.code == "E132"


@pytest.mark.parametrize("ratios", [(0, 1, 1), (8, -1, 1), (float("nan"), 1, 1), (float("inf"), 1, 1)])
def test_shares_that_make_no_sense(entry: MakeEntry, ratios: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match="shares") as caught:
        split_by_group([entry(f"s{k}") for k in range(6)], ratios)
    assert caught.value.code == "E001"


def split_of(train: str, validation: str, test: str) -> Split:
    return Split(
        seed=0, train=tuple(train.split()), validation=tuple(validation.split()), test=tuple(test.split())
    )


def test_names_of_sides() -> None:
    split = split_of("a", "b", "c")
    assert split.ids("validation") == ("b",)
    with pytest.raises(UsageError, match="split 'val'; expected train, validation, test"):
        split.ids("val")
    assert split.digest() == split.model_copy(update={"seed": 5, "by": "given"}).digest()
    assert split.digest() != split_of("b", "a", "c").digest()
    assert split.digest() != split_of("a b", "", "c").digest()


@pytest.mark.parametrize(
    "change",
    [{"extra": 1}, {"train": None}, {"by": "slice"}, {"seed": "x"}],
    ids=["key", "none", "by", "seed"],
)
def test_a_bad_file_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    good = split_of("a", "b", "c").model_dump(mode="json")
    path.write_text(json.dumps(good))
    assert read_split(path) == split_of("a", "b", "c")
    path.write_text(json.dumps(good | change))
    with pytest.raises(InputError, match=f"bad {next(iter(change))}") as caught:
        read_split(path)
    assert caught.value.code == "E133"


def visit(name: str, patient: str) -> CaseFiles:
    return CaseFiles(name, patient, {})


def test_the_first_patients_by_name_with_all_their_visits() -> None:
    cases = [visit("d", "p4"), visit("a1", "p1"), visit("a2", "p1"), visit("b", "p2"), visit("c", "p3")]
    sides = sides_in_order(cases, (1, 1, 1))
    assert sides == {"a1": "train", "a2": "train", "b": "validation", "c": "test"}
    split = split_from_sides(sides)
    assert (split.by, split.train, split.validation, split.test) == ("given", ("a1", "a2"), ("b",), ("c",))
    with pytest.raises(InputError, match="4 patients for 3:1:1") as caught:
        sides_in_order(cases, (3, 1, 1))
    assert caught.value.code == "E132"


def test_the_papers_numbers() -> None:
    assert {name: sum(counts) for name, counts in COMMUNITY.items()} == {
        "syndiff": 40,
        "resvit-ixi": 53,
        "resvit-brats": 55,
    }
