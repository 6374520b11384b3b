from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from refusals import refusal
from transmodal.cohorts.manifest import CaseEntry, Manifest
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.split import Split, split_by_group, split_from_sides
from transmodal.errors import InputError

MakeEntry = Callable[..., CaseEntry]


def manifest(entries: Sequence[CaseEntry]) -> Manifest:
    return Manifest(name="c", modalities=("t1",), cases=tuple(entries))


def split_of(train: str, validation: str, test: str) -> Split:
    return Split(
        seed=0, train=tuple(train.split()), validation=tuple(validation.split()), test=tuple(test.split())
    )


def test_no_leak_passes(entry: MakeEntry) -> None:
    cases = [entry("a", "p", "g"), entry("b", "p", "g"), entry("c"), entry("d")]
    check_leaks(manifest(cases), split_of("a b", "c", "d"))
    check_leaks(manifest(cases), split_of("a", "", "d"))


@pytest.mark.parametrize(
    ("shared", "words"),
    [
        ({"patient": "p"}, "patient p"),
        ({"group": "g"}, "group g"),
        ({"content": "content of a"}, r"the same image \(t1 of d\)"),
    ],
)
def test_leaks_are_named(entry: MakeEntry, shared: dict[str, str], words: str) -> None:
    cases = manifest([entry("a", "p", "g"), entry("b"), entry("c"), entry("d", **shared)])
    with pytest.raises(InputError, match=f"{words} stands on two sides: a in train, d in test") as caught:
        check_leaks(cases, split_of("a b", "c", "d"))
    assert caught.value.code == "E135"
    check_leaks(cases, split_of("a d", "c", "b"))


def test_slabs_of_one_body_may_stand_on_all_sides_and_one_image_may_not(entry: MakeEntry) -> None:
    cases = [entry("a", "p", "g"), entry("b", "p", "g"), entry("c", "p", "g")]
    split = split_from_sides({"a": "train", "b": "validation", "c": "test"}, within_subject=True)
    assert split.by == "within-subject"
    check_leaks(manifest(cases), split)
    with pytest.raises(InputError, match="the same image") as caught:
        check_leaks(manifest([*cases[:2], entry("c", "p", "g", content="content of a")]), split)
    assert caught.value.code == "E135"


def test_a_case_on_two_sides_is_a_leak(entry: MakeEntry) -> None:
    cases = manifest([entry("a"), entry("b"), entry("c")])
    with pytest.raises(InputError, match="case a stands on two sides: train, test") as caught:
        check_leaks(cases, split_of("a", "b", "c a"))
    assert caught.value.code == "E135"


def test_an_unknown_case_is_refused(entry: MakeEntry) -> None:
    with pytest.raises(InputError, match="unknown case z") as caught:
        check_leaks(manifest([entry("a")]), split_of("a", "", "z"))
    assert caught.value.code == "E132"


def test_planted_duplicates_are_all_found(entry: MakeEntry) -> None:
    """As many ways as there are to plant one image, patient or group on the other side; no false alarm."""
    cases = [entry(f"s{k:03d}") for k in range(200)]
    clean = split_by_group(cases)
    check_leaks(manifest(cases), clean)
    found = 0
    for k, other in enumerate(clean.test + clean.validation):
        planted = dict(
            zip(
                ("patient", "group", "content"),
                [("", "", f"content of {clean.train[k]}"), (clean.train[k], "", ""), ("", "one", "")][k % 3],
                strict=True,
            )
        )
        changed = [
            entry(case.id, **planted)
            if case.id == other
            else entry(case.id, group="one" if case.id == clean.train[k] and k % 3 == 2 else "")
            for case in cases
        ]
        with pytest.raises(InputError, match=f"{other} in"):
            check_leaks(manifest(changed), clean)
        found += 1
    assert found == 40


def test_a_refusal_says_both_sides_and_what_to_do(entry: MakeEntry) -> None:
    cases = manifest([entry("a", "p"), entry("b", "p"), entry("c")])
    ending = (
        "; expected each patient, group and image on one side. "
        "Say which cases are one patient (--same-patient A=B, or a table: --groups), or leave a copy out."
    )
    assert refusal(lambda: check_leaks(cases, split_of("a", "b", "c"))) == (
        f"error[E135]: patient p stands on two sides: a in train, b in validation{ending}"
    )
    assert refusal(lambda: check_leaks(cases, split_of("a", "a", "c"))) == (
        f"error[E135]: case a stands on two sides: train, validation{ending}"
    )
    assert refusal(lambda: check_leaks(cases, split_of("a", "z", "y"))) == (
        "error[E132]: a split with the unknown case y; expected cases of the cohort. "
        "Correct or remove split.json and prepare again."
    )


def test_cases_without_a_group_are_no_group(entry: MakeEntry) -> None:
    cases = manifest([entry("a", group=""), entry("b", group=""), entry("c", group="")])
    check_leaks(cases, split_of("a", "b", "c"))
