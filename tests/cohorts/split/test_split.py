from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from refusals import refusal
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.manifest import CaseEntry, Manifest
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.split import (
    COMMUNITY,
    NAMES,
    Split,
    groups_of,
    rank_groups,
    read_sealed_split,
    read_sides,
    read_split,
    shares,
    sides_in_order,
    split_by_group,
    split_from_sides,
    write_split,
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


def test_the_papers_numbers_are_theirs() -> None:
    assert COMMUNITY == {"syndiff": (25, 5, 10), "resvit-ixi": (25, 10, 18), "resvit-brats": (25, 10, 20)}


def test_a_refusal_says_which_numbers_do_not_fit(entry: MakeEntry) -> None:
    cases = [entry(f"s{k}") for k in range(4)]
    assert refusal(lambda: split_by_group(cases, counts=(2, 1, 2))) == (
        "error[E132]: counts 2:1:2 for 4 patients or groups; expected counts that add up to 4. Correct the counts."
    )
    for counts in ((0, 2, 2), (5, -1, 0)):
        assert refusal(lambda counts=counts: split_by_group(cases, counts=counts)) == (  # type: ignore[misc]
            f"error[E001]: counts {counts}; expected three counts, one or more to train. Correct them."
        )
    for ratios in ((0, 1, 1), (-1, 1, 1), (1, -0.1, 1), (1, float("nan"), 1), (float("inf"), 1, 1)):
        assert refusal(lambda ratios=ratios: split_by_group(cases, ratios)) == (  # type: ignore[misc]
            f"error[E001]: shares {ratios}; expected three shares, that to train above 0. Correct them."
        )
    assert refusal(lambda: split_by_group(cases[:1], (1, 0.1, 0))) == (
        "error[E132]: 1 patients or groups for 2 sides; expected 2 or more. "
        "Add cases, or set a share to 0, such as --split 1:0:0."
    )
    assert refusal(lambda: sides_in_order([visit("a", "p"), visit("b", "q")], (1, 1, 1))) == (
        "error[E132]: 2 patients for 1:1:1; expected 3 or more. Take the whole release, or another split."
    )
    assert refusal(lambda: split_of("a", "", "").ids("val")) == (
        "error[E001]: split 'val'; expected train, validation, test. Name one of them."
    )


@pytest.mark.parametrize(
    ("ratios", "n", "sizes"),
    [
        ((2, 1, 1), 2, None),
        ((2, 1, 1), 3, (1, 1, 1)),
        ((1, 1, 0), 2, (1, 1, 0)),
        ((2, 2, 1), 5, (2, 2, 1)),
        ((8, 1, 1), 15, (11, 2, 2)),  # 1.5 is rounded up
        ((1, 3, 3), 7, (1, 3, 3)),
        ((1, 9, 9), 5, (1, 2, 2)),
        ((1, 9, 8), 4, (1, 2, 1)),
        ((1, 8, 9), 4, (1, 2, 1)),
        ((1, 9, 1), 5, (1, 3, 1)),
        ((0.5, 0.25, 0.25), 8, (4, 2, 2)),
    ],
)
def test_shares_are_rounded_and_leave_one_to_train(
    ratios: tuple[float, float, float], n: int, sizes: tuple[int, int, int] | None
) -> None:
    if sizes is None:
        assert "2 patients or groups for 3 sides; expected 3 or more" in refusal(lambda: shares(ratios, n))
    else:
        assert shares(ratios, n) == sizes


def test_the_ranking_is_that_of_a_hash_of_seed_and_name() -> None:
    """Splits that users have published stay as they are."""
    assert rank_groups("abcdef", 2024) == list("edfcba")
    assert rank_groups("fedcba", 2024) == list("edfcba")
    assert rank_groups("abcdef", 1) != rank_groups("abcdef", 2)


def test_sides_take_their_groups_from_the_front_of_the_ranking(entry: MakeEntry) -> None:
    cases = [entry(name) for name in "abcdef"]
    names = [f"patient {name}" for name in "abcdef"]
    ranked = [name[-1] for name in rank_groups(names, 7)]
    split = split_by_group(cases, counts=(3, 2, 1), seed=7)
    assert split.test == (ranked[0],)
    assert split.validation == tuple(sorted(ranked[1:3]))
    assert split.train == tuple(sorted(ranked[3:]))
    assert (split.seed, split.by, split.how) == (7, "patient", "")
    assert split_by_group([*cases[:5], entry("f", group="g")], counts=(3, 2, 1)).by == "group"


def test_groups_are_named_by_the_first_of_what_was_joined(entry: MakeEntry) -> None:
    cases = [
        entry("d", "p2", "g"),
        entry("a", "p1"),
        entry("c", "p1", "g"),
        entry("b", "p3"),
        entry("e", "p4", "h"),
    ]
    assert groups_of(cases) == {"group g": ("a", "c", "d"), "group h": ("e",), "patient p3": ("b",)}
    assert list(groups_of(cases)) == ["group g", "group h", "patient p3"]
    chain = [
        entry("a", "p", "g"),
        entry("b", "q", "g"),
        entry("c", "q", "h"),
        entry("d", "r", "h"),
        entry("e", "r", "a"),
    ]
    for order in (chain, chain[::-1], chain[2:] + chain[:2]):
        assert groups_of(order) == {"group a": ("a", "b", "c", "d", "e")}


def test_a_split_decided_beforehand_is_sorted_and_has_no_seed() -> None:
    split = split_from_sides({"b": "train", "a": "train", "d": "test", "c": "validation"})
    assert split == Split(seed=0, by="given", train=("a", "b"), validation=("c",), test=("d",))
    assert split_from_sides({"a": "train"}, within_subject=True).by == "within-subject"


def test_patients_beyond_the_numbers_are_left_aside() -> None:
    cases = [visit(name, f"p{name}") for name in "dcba"]
    assert sides_in_order(cases, (1, 0, 1)) == {"a": "train", "b": "test"}
    assert sides_in_order(cases, (2, 1, 1)) == {"a": "train", "b": "train", "c": "validation", "d": "test"}


def test_a_digest_is_of_the_sides_and_not_of_their_order() -> None:
    split = split_of("b a", "c", "d")
    assert split.digest() == split_of("a b", "c", "d").digest()
    text = "a,b|c|d"
    assert split.digest() == hashlib.sha256(text.encode()).hexdigest()


def test_a_split_that_was_edited_is_read_and_not_taken_for_the_one_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    write_split(path, split_of("a", "b", "c"))
    assert read_split(path) == read_sealed_split(path) == split_of("a", "b", "c")
    path.write_text(path.read_text().replace('"a"', '"z"'))
    assert read_split(path).train == ("z",)
    line = refusal(lambda: read_sealed_split(path))
    assert line.startswith("error[E501]: ")
    assert line.endswith(" Where the change is wanted prepare the cohort again; else remove the file first.")
    path.write_text(json.dumps({"seed": 1, "train": [1], "validation": [], "test": []}))
    for read in (read_split, read_sealed_split, lambda path: read_sides(path, "a")):
        assert refusal(lambda read=read: read(path)) == (  # type: ignore[misc]
            "error[E133]: split.json with a bad train.0; expected a split. Remove it and prepare the cohort again."
        )


def test_sides_of_a_file_are_those_of_cases_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    write_split(path, split_of("a b", "c", "d"))
    assert read_sides(path, "abcde") == {"a": "train", "b": "train", "c": "validation", "d": "test"}
    assert refusal(lambda: read_sides(path, "ad")) == (
        "error[E132]: split.json names b, one of 2 that are not there; expected cases that were found. "
        "Take the split of these cases."
    )
