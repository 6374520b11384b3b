from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantoms import entry_of
from transmodal.cohorts.manifest import CaseEntry, Manifest
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.split import NAMES, groups_of, split_by_group
from transmodal.errors import InputError


@st.composite
def cohorts(draw: st.DrawFn) -> list[CaseEntry]:
    """Cases whose patients and groups overlap in any way; names may be those of other things."""
    n = draw(st.integers(3, 30))
    names = st.sampled_from([f"p{k}" for k in range(12)] + ["north", "south", "s00"])
    return [
        entry_of(
            f"s{k:02d}",
            draw(names | st.just(f"own{k}")),
            draw(st.sampled_from(["", "", "north", "south", "p1"])),
        )
        for k in range(n)
    ]


SEEDS = st.integers(0, 10_000)
SHARES = st.tuples(st.floats(0.1, 20), st.floats(0, 20), st.floats(0, 20))


@settings(max_examples=30, deadline=None)
@given(cohorts(), SEEDS, SHARES, st.randoms(use_true_random=False))
def test_splits_are_whole_disjoint_leak_free_and_of_no_order(
    cases: list[CaseEntry],
    seed: int,
    ratios: tuple[float, float, float],
    order: object,
) -> None:
    groups = groups_of(cases)
    wanted = sum(share > 0 for share in ratios)
    if len(groups) < wanted:
        with pytest.raises(InputError, match=f"for {wanted} sides"):
            split_by_group(cases, ratios, seed=seed)
        return
    split = split_by_group(cases, ratios, seed=seed)
    sides = [split.ids(name) for name in NAMES]
    assert sorted(case for side in sides for case in side) == [case.id for case in cases]
    assert [bool(side) for side in sides] == [share > 0 for share in ratios]
    check_leaks(Manifest(name="c", modalities=(), cases=tuple(cases)), split)
    for ids in groups.values():
        assert sum(bool(set(ids) & set(side)) for side in sides) == 1
    shuffled = list(cases)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert split_by_group(shuffled, ratios, seed=seed) == split


@settings(max_examples=30, deadline=None)
@given(cohorts(), SEEDS)
def test_shares_come_out_within_one_group(cases: list[CaseEntry], seed: int) -> None:
    groups = groups_of(cases)
    if len(groups) < 3:
        return
    split = split_by_group(cases, seed=seed)
    owner = {case: name for name, ids in groups.items() for case in ids}
    for name, share in zip(NAMES, (0.8, 0.1, 0.1), strict=True):
        n = len({owner[case] for case in split.ids(name)})
        assert n >= 1
        assert abs(n - share * len(groups)) <= 1.5


@settings(max_examples=30, deadline=None)
@given(cohorts(), SEEDS, st.data())
def test_counts_are_kept_exactly(cases: list[CaseEntry], seed: int, data: st.DataObject) -> None:
    groups = groups_of(cases)
    validation = data.draw(st.integers(0, len(groups) - 1))
    test = data.draw(st.integers(0, len(groups) - 1 - validation))
    counts = (len(groups) - validation - test, validation, test)
    split = split_by_group(cases, counts=counts, seed=seed)
    owner = {case: name for name, ids in groups.items() for case in ids}
    assert tuple(len({owner[case] for case in split.ids(name)}) for name in NAMES) == counts


@settings(max_examples=30, deadline=None)
@given(cohorts())
def test_groups_are_the_finest_that_share_nothing(cases: list[CaseEntry]) -> None:
    groups = list(groups_of(cases).values())
    known = {case.id: case for case in cases}
    labels = [
        {("patient", known[case].patient) for case in ids}
        | {("group", known[case].group) for case in ids if known[case].group}
        for ids in groups
    ]
    for n, here in enumerate(labels):
        assert all(not here & there for there in labels[n + 1 :])
    for ids in groups:
        reached, waiting = {ids[0]}, [ids[0]]
        while waiting:
            one = known[waiting.pop()]
            for other in set(ids) - reached:
                same_group = one.group and one.group == known[other].group
                if one.patient == known[other].patient or same_group:
                    reached.add(other)
                    waiting.append(other)
        assert reached == set(ids)
