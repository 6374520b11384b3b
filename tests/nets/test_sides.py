"""Windows that are too small are refused, with a way out."""

from __future__ import annotations

import pytest
import torch

from transmodal.errors import UsageError
from transmodal.nets.sides import check_sides


@pytest.mark.parametrize("sides", [(24, 31), (24, 25, 40)])
def test_the_shortest_side_that_will_do_is_taken(sides: tuple[int, ...]) -> None:
    check_sides(torch.empty(1, 2, *sides), 24, "the discriminator")


@pytest.mark.parametrize("sides", [(23, 31), (40, 25, 23)])
def test_one_less_is_refused_and_the_ways_out_are_said(sides: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="too small for the discriminator") as refused:
        check_sides(torch.empty(1, 30, *sides), 24, "the discriminator", "fewer settings.levels")
    assert refused.value.code == "E004"
    assert refused.value.expected == "sides of 24 or more"
    assert refused.value.remedy == "Set a larger windows.size, or fewer settings.levels."
