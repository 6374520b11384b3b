from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from transmodal.experiments.reader.order import choose_repeats, shuffle_items

NAMES = [f"i{n}" for n in range(30)]
CASES = {name: f"c{n // 3}" for n, name in enumerate(NAMES)}


def test_repeats_are_the_share_and_at_least_one() -> None:
    draw = np.random.default_rng(0)
    assert len(choose_repeats(NAMES, 0.2, draw)) == 6
    assert len(choose_repeats(NAMES, 0.01, draw)) == 1
    assert len(choose_repeats(NAMES, 1 / 3, draw)) == 10
    assert choose_repeats(NAMES, 0, draw) == choose_repeats(NAMES[:2], 0.3, draw) == []


@pytest.mark.parametrize("seed", range(20))
def test_every_item_once_and_repeats_far_from_the_first_time(seed: int) -> None:
    draw = np.random.default_rng(seed)
    repeats = {f"again-{name}": name for name in choose_repeats(NAMES, 0.3, draw)}
    order = shuffle_items(CASES, repeats, draw)
    assert sorted(order) == sorted([*NAMES, *repeats])
    assert min(order.index(repeat) - order.index(name) for repeat, name in repeats.items()) > 9
    owner = [CASES[repeats.get(name, name)] for name in order]
    assert sum(first == second for first, second in pairwise(owner)) <= 2


def test_orders_differ_and_follow_from_chance_alone() -> None:
    first, second = (shuffle_items(CASES, {}, np.random.default_rng(seed)) for seed in (1, 2))
    assert first != second
    assert first == shuffle_items(CASES, {}, np.random.default_rng(1))
    assert first != NAMES
