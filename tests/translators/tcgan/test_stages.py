"""Stages that halve and double sides."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.translators.tcgan.stages import double, halve


@pytest.mark.parametrize("sides", [(8, 6), (10, 4)])
def test_sides_are_halved_and_doubled(sides: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *sides)
    half = halve(3, 5, normed=True)(x)
    assert half.shape == (2, 5, sides[0] // 2, sides[1] // 2)
    assert double(5, 4)(half).shape == (2, 4, *sides)


def test_normalisation_can_be_left_out() -> None:
    kinds = [[type(layer) for layer in halve(1, 2, normed=normed)] for normed in (True, False)]
    assert kinds == [[nn.Conv2d, nn.InstanceNorm2d, nn.LeakyReLU], [nn.Conv2d, nn.LeakyReLU]]
    assert double(1, 2)(torch.rand(1, 1, 3, 3)).min() >= 0  # ReLU comes last
