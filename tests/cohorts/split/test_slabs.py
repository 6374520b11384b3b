from __future__ import annotations

from itertools import pairwise

import pytest

from transmodal.cohorts.split.slabs import Slab, gap_of, slabs
from transmodal.errors import InputError


def test_three_sides_with_gaps() -> None:
    assert slabs(120, 10) == [Slab("train", 0, 80), Slab("validation", 90, 100), Slab("test", 110, 120)]
    assert slabs(30, 5, (4, 0, 1)) == [Slab("train", 0, 20), Slab("test", 25, 30)]
    assert slabs(7, 2, (1, 0, 0)) == [Slab("train", 0, 7)]


@pytest.mark.parametrize(("n", "gap", "blocks"), [(97, 3, 1), (200, 4, 2), (333, 7, 3), (59, 2, 2)])
def test_sides_never_touch_and_shares_are_kept(n: int, gap: int, blocks: int) -> None:
    found = slabs(n, gap, (6, 2, 2), blocks)
    assert found[0].first == 0
    assert found[-1].last == n
    for one, following in pairwise(found):
        assert following.first - one.last == gap
        assert one.side != following.side
    used = sum(slab.last - slab.first for slab in found)
    for side, share in (("train", 0.6), ("validation", 0.2), ("test", 0.2)):
        mine = [slab for slab in found if slab.side == side]
        assert sum(slab.last - slab.first for slab in mine) == pytest.approx(share * used, abs=2)
        assert len(mine) == (
            blocks // 2 + 1 if side == "train" else blocks if side == "validation" else (blocks + 1) // 2
        )


def test_too_few_slices_are_said() -> None:
    with pytest.raises(InputError, match="12 slices for 3 slabs with 5 left out") as caught:
        slabs(12, 5)
    assert caught.value.code == "E132"


def test_a_gap_is_as_wide_as_it_was_asked_for() -> None:
    assert [gap_of(10, mm) for mm in (0.2, 1, 3, 50)] == [50, 10, 4, 1]
