"""The order in which items are shown: shuffled, one case never twice in a row where that can be, repeats far from the first time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

MOST_REPEATS = 1 / 3
"""Share of items that can be shown once more: first times stand in the first third, repeats in the last."""


def choose_repeats(names: Sequence[str], share: float, draw: np.random.Generator) -> list[str]:
    """Return the items that are shown once more; at least one where the share is not 0.

    Args:
        names: of the items of one question.
        share: 0 to `MOST_REPEATS`.
        draw: where chance comes from.
    """
    if share <= 0 or len(names) < 3:
        return []
    n = min(max(1, round(share * len(names))), len(names) // 3)
    return [names[n] for n in sorted(draw.permutation(len(names))[:n])]


def shuffle_items(
    cases: Mapping[str, str], repeats: Mapping[str, str], draw: np.random.Generator
) -> list[str]:
    """Return the items of one question in an order.

    An item and its repeat are at least a third of the items apart.

    Args:
        cases: case by the name of every item that is shown for the first time.
        repeats: the item that is shown once more, by the name of the repeat.
        draw: where chance comes from.
    """
    first_times = list(dict.fromkeys(repeats.values()))
    single_names = [name for name in cases if name not in repeats.values()]
    single_names = [single_names[n] for n in draw.permutation(len(single_names))]
    third = len(cases) // 3
    n_more = third - len(first_times)
    head, middle, tail = (
        [*first_times, *single_names[:n_more]],
        single_names[n_more : len(single_names) - third],
        [*repeats, *single_names[len(single_names) - third :]],
    )
    owner = {**cases, **{repeat: cases[name] for repeat, name in repeats.items()}}
    order: list[str] = []
    for part in (head, middle, tail):
        order += _spread([part[n] for n in draw.permutation(len(part))], owner, order[-1:])
    return order


def _spread(names: Sequence[str], owner: Mapping[str, str], before: Sequence[str]) -> list[str]:
    """Return names in nearly their order, such that neighbours are of different cases wherever some other is left."""
    queue, order = list(names), list(before)
    while queue:
        last = owner[order[-1]] if order else ""
        turn = next((n for n, name in enumerate(queue) if owner[name] != last), 0)
        order.append(queue.pop(turn))
    return order[len(before) :]
