from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np

from transmodal.experiments.reader.items import (
    ItemRequest,
    PictureId,
    ShownSlice,
    draw_names,
    pairs_of,
    plan_items,
)

SLICES = [ShownSlice(f"c{n}", f"p{n}", 4, frozenset({"origin", "preference"}), None) for n in range(12)] + [
    ShownSlice(f"c{n}", f"p{n}", 5, frozenset({"lesion"}), n % 2 == 0) for n in range(12)
]
NAMES = {
    own: f"{n:04d}"
    for n, own in enumerate(
        PictureId(shown.case, shown.place, system) for shown, system in product(SLICES, ("real", "a", "b"))
    )
}


def test_questions_are_asked_of_every_picture_and_every_pair() -> None:
    plan = plan_items(SLICES, NAMES, ItemRequest(("a", "b"), "all", 0.0, 3), np.random.default_rng(0))
    counts = Counter(item.question for item in plan.items.values())
    assert counts == {"origin": 36, "lesion": 36, "preference": 36}
    assert len({item.pictures for item in plan.items.values() if item.question == "origin"}) == 36
    assert len(plan.orders) == len(set(plan.orders)) == 3
    assert list(plan.items) == sorted(plan.items)  # not in the order of making
    asked = [plan.items[name].question for name in plan.orders[0]]
    assert asked == sorted(asked, key=["origin", "lesion", "preference"].index)


def test_repeats_show_the_same_pictures_with_sides_changed() -> None:
    plan = plan_items(SLICES, NAMES, ItemRequest(("a", "b"), "all", 0.2, 1), np.random.default_rng(0))
    assert len(plan.repeats) == 3 * 7
    for repeat, name in plan.repeats.items():
        assert plan.items[repeat].pictures == plan.items[name].pictures[::-1]


def test_sides_are_drawn() -> None:
    plan = plan_items(SLICES, NAMES, ItemRequest(("a", "b"), "real", 0.0, 1), np.random.default_rng(0))
    real = {name for own, name in NAMES.items() if own.system == "real"}
    lefts = [item.pictures[0] in real for item in plan.items.values() if item.question == "preference"]
    assert len(lefts) == 24
    assert 5 < sum(lefts) < 19


def test_comparisons() -> None:
    assert pairs_of(("a", "b"), "systems") == [("a", "b")]
    assert pairs_of(("a", "b"), "real") == [("a", "real"), ("b", "real")]
    assert pairs_of(("a", "b"), "all") == [("a", "b"), ("a", "real"), ("b", "real")]


def test_names_are_different_and_follow_from_chance() -> None:
    names = draw_names(500, np.random.default_rng(0))
    assert len(set(names)) == 500
    assert {len(name) for name in names} == {16}
    assert names == draw_names(500, np.random.default_rng(0))
