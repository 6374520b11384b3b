"""ConvNeXt: its size, its maps, and a block against a plain statement."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.nets.meta import shapes_alone
from transmodal.translators.ddcolor.convnext import Block, ConvNeXt, PixelNorm


def test_the_tiny_networks_size_is_the_published_one() -> None:
    with shapes_alone():
        net = ConvNeXt(3, 96, (3, 3, 9, 3))
    # 28.59 M with a classifier of 1000 classes and one norm behind the last stage; here there is one behind each.
    counted = sum(one.numel() for one in net.parameters())
    assert counted - 2 * (96 + 192 + 384) + 768 * 1000 + 1000 == pytest.approx(28.589e6, rel=1e-4)


def test_maps_are_halved_and_doubled_and_normalised() -> None:
    torch.manual_seed(0)
    maps = ConvNeXt(2, 4, (1, 2, 1, 1))(torch.randn(2, 2, 64, 32))
    assert [tuple(one.shape[1:]) for one in maps] == [(4, 16, 8), (8, 8, 4), (16, 4, 2), (32, 2, 1)]
    for one in maps:
        torch.testing.assert_close(one.mean(dim=1), torch.zeros_like(one[:, 0]), atol=1e-5, rtol=0)


def test_a_block_adds_what_its_gamma_lets_pass() -> None:
    torch.manual_seed(0)
    block, x = Block(3), torch.randn(1, 3, 5, 6)
    torch.testing.assert_close(block(x), x, atol=1e-4, rtol=0)
    nn.init.constant_(block.gamma, 0.5)
    seen = nn.functional.conv2d(x, block.depthwise.weight, block.depthwise.bias, padding=3, groups=3)
    pixel = seen[0, :, 2, 3]
    pixel = (pixel - pixel.mean()) / (pixel.var(correction=0) + 1e-6).sqrt()
    torch.testing.assert_close(block(x)[0, :, 2, 3], x[0, :, 2, 3] + 0.5 * block.perceptron(pixel))


def test_pixels_are_normalised_each() -> None:
    x = torch.tensor([[1.0, 3.0], [2.0, 2.0]]).view(1, 2, 1, 2)
    torch.testing.assert_close(
        PixelNorm(2)(x).flatten(), torch.tensor([-1.0, 1.0, 1.0, -1.0]), atol=1e-4, rtol=0
    )
