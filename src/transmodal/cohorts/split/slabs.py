"""Slabs: one body split into contiguous runs of slices, with a gap between the sides.

Neighbouring slices are nearly one image, so slices of one body are never dealt out singly. Even so, what is
learned from one body and scored on it says nothing about another: such a split is `within-subject`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from transmodal.cohorts.split.split import NAMES
from transmodal.counts import counted
from transmodal.errors import InputError


class Slab(NamedTuple):
    """A run of slices.

    Attributes:
        side: `train`, `validation` or `test`.
        first: its first slice.
        last: the one after its last.
    """

    side: str
    first: int
    last: int


def slabs(n: int, gap: int, shares: tuple[float, float, float] = (8, 1, 1), blocks: int = 1) -> list[Slab]:
    """Split `n` slices, in order, into training, validation and test.

    Args:
        n: slices of the body.
        gap: slices that are left out between two sides.
        shares: of training, validation and test; a side whose share is 0 has no slab.
        blocks: how often the three follow one another, every other time turned round, so that every side
            sees more heights of the body.

    Returns:
        Slabs in order.

    Raises:
        InputError: E132 when a side would have no slice.
    """
    sides = [(name, share) for name, share in zip(NAMES, shares, strict=True) if share > 0]
    order = [side for block in range(blocks) for side in (sides if block % 2 == 0 else sides[::-1])]
    joined = _join_neighbours(order)
    remaining = n - gap * (len(joined) - 1)
    whole = sum(share for _, share in joined)
    ends, run = [], 0.0
    for _, share in joined:
        run += share
        ends.append(round(remaining * run / whole))
    slabs_in_order = [
        Slab(name, first + number * gap, last + number * gap)
        for number, ((name, _), first, last) in enumerate(zip(joined, [0, *ends], ends, strict=False))
    ]
    if any(slab.last <= slab.first for slab in slabs_in_order):
        raise InputError(
            "E132",
            f"{counted(n, 'slice')} for {counted(len(joined), 'slab')} with {gap} left out between them",
            "a slice or more in each",
            "Take fewer blocks or a smaller gap: --with blocks=1, --with gap_mm=5.",
        )
    return slabs_in_order


def gap_of(gap_mm: float, between_mm: float) -> int:
    """Return how many slices a gap takes, at least one."""
    return max(1, math.ceil(gap_mm / between_mm - 1e-6))


def _join_neighbours(order: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Join neighbours of one side."""
    joined: list[tuple[str, float]] = []
    for name, share in order:
        if joined and joined[-1][0] == name:
            joined[-1] = (name, joined[-1][1] + share)
        else:
            joined.append((name, share))
    return joined
