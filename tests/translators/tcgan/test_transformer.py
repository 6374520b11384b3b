"""TCGAN's transformer: sides that do not fit its grid, its type, and what a head of zeros says."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.translators.tcgan.config import Config
from transmodal.translators.tcgan.transformer import TransformerBranch

TINY = Config(width=4, levels=3, channels=32, heads=2, depths=(1, 1, 1), grid=2, hidden=16, branch_width=4)


@pytest.mark.parametrize("sides", [(64, 64), (32, 56), (8, 24)])
def test_sides_are_kept_whether_or_not_they_fit_the_grid(sides: tuple[int, int]) -> None:
    torch.manual_seed(0)
    assert TransformerBranch(TINY).eval()(torch.rand(1, 1, *sides)).shape == (1, 1, *sides)


def test_the_head_sees_the_source_and_is_float32() -> None:
    torch.manual_seed(0)
    branch, source = TransformerBranch(TINY).eval(), torch.rand(1, 1, 16, 24)
    with torch.no_grad():
        nn.init.zeros_(branch.head.weight)
        nn.init.constant_(branch.head.bias, 0.25)  # type: ignore[arg-type]
        branch.head.weight[0, 1, 1, 1] = 2.0  # the source comes behind the target's one channel
        torch.testing.assert_close(branch(source), 2 * source + 0.25)
        with torch.autocast("cpu", torch.bfloat16):
            assert branch(source).dtype == torch.float32
