"""The residual U-Net: sides and heads in two and three dimensions, and how its blocks begin."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.nets.meta import shapes_alone
from transmodal.translators.unet_regression.unet import ResidualBlock, ResidualUNet


@pytest.mark.parametrize("sides", [(12, 20), (4, 8, 12)])
def test_sides_are_kept_and_heads_halve_them(sides: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    net = ResidualUNet(2, 3, 4, (1, 2, 1), heads=2, spatial_dims=len(sides)).eval()
    source = torch.rand(2, 2, *sides)
    finest, coarse = net.pyramid(source)
    assert torch.equal(finest, net(source))
    assert finest.shape == (2, 3, *sides)
    assert coarse.shape == (2, 3, *(side // 2 for side in sides))


def test_sides_that_do_not_halve_are_no_input() -> None:
    with pytest.raises(RuntimeError):
        ResidualUNet(1, 1, 4, (1, 1, 1), spatial_dims=2)(torch.rand(1, 1, 9, 8))


def test_channels_double_up_to_eight_times_the_width() -> None:
    with shapes_alone():
        net = ResidualUNet(1, 1, 2, (1,) * 6, spatial_dims=2)
    assert [shrink.weight.shape[0] for shrink in net.shrink] == [4, 8, 16, 16, 16]  # type: ignore[union-attr]


def test_a_block_is_the_identity_without_its_last_convolution() -> None:
    torch.manual_seed(0)
    block, x = ResidualBlock(6, 2), torch.randn(1, 6, 5, 7)
    assert 0 < float((block(x) - x).detach().abs().mean()) < 0.2
    nn.init.zeros_(block.conv2.weight)
    nn.init.zeros_(block.conv2.bias)  # type: ignore[arg-type]
    assert torch.equal(block(x), x)
