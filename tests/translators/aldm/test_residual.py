"""The residual block of diffusion models: its skip, its embedding, its groups."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.translators.aldm.residual import EmbeddedResidual, group_norm


@pytest.mark.parametrize(("channels", "groups", "known"), [(64, 32, 32), (6, 4, 2), (5, 32, 1), (96, 32, 32)])
def test_groups_divide_the_channels(channels: int, groups: int, known: int) -> None:
    norm = group_norm(channels, groups, 1e-6)
    assert (norm.num_groups, norm.num_channels, norm.eps) == (known, channels, 1e-6)


@pytest.mark.parametrize("after", [4, 6])
def test_without_its_second_convolution_it_is_its_skip(after: int) -> None:
    torch.manual_seed(0)
    block = EmbeddedResidual(4, after, 2)
    nn.init.zeros_(block.conv2.weight)
    nn.init.zeros_(block.conv2.bias)  # type: ignore[arg-type]
    x = torch.randn(2, 4, 5, 7)
    torch.testing.assert_close(block(x), x if after == 4 else block.skip(x))


def test_the_embedding_acts_between_the_convolutions() -> None:
    torch.manual_seed(0)
    block = EmbeddedResidual(4, 4, 2, embedded=3)
    x, embedding = torch.randn(1, 4, 5, 3), torch.randn(1, 3)
    assert block.embedding is not None
    between = block.conv1(nn.functional.silu(block.norm1(x)))
    between = between + block.embedding(nn.functional.silu(embedding))[..., None, None]
    by_hand = x + block.conv2(nn.functional.silu(block.norm2(between)))
    torch.testing.assert_close(block(x, embedding), by_hand)
    assert not torch.allclose(block(x, -embedding), by_hand)
