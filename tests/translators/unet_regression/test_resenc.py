"""nnU-Net's residual encoder: its size, one block against its equation, sides, heads."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from transmodal.nets.meta import shapes_alone
from transmodal.translators.unet_regression.resenc import ResidualBlock, ResidualEncoderUNet


def count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


@pytest.mark.parametrize(("dims", "widest", "wanted"), [(3, 320, 102.35e6), (2, 512, 71.81e6)])
def test_sizes_are_those_of_six_stages(dims: int, widest: int, wanted: float) -> None:
    blocks = (1, 3, 4, 6, 6, 6)
    with shapes_alone():
        net = ResidualEncoderUNet(1, 1, 32, blocks, spatial_dims=dims)
    taps, widths = 3**dims, [min(32 << n, widest) for n in range(6)]
    total = taps * 32 + 3 * 32 + widths[0] + 1
    for n, (wide, many) in enumerate(zip(widths, blocks, strict=True)):
        before = widths[max(0, n - 1)]
        total += taps * wide * (before + (2 * many - 1) * wide) + 2 * many * 3 * wide
        total += before * wide + 2 * wide if before != wide else 0
    for wide, deeper in itertools.pairwise(widths):
        total += 2**dims * deeper * wide + wide + taps * 2 * wide * wide + 3 * wide
    assert count(net) == total
    assert count(net) == pytest.approx(wanted, rel=0.0005)


@pytest.mark.parametrize(("before", "after", "halves"), [(4, 4, False), (4, 6, True), (4, 4, True)])
def test_a_block_is_its_equation(before: int, after: int, halves: bool) -> None:
    torch.manual_seed(0)
    block = ResidualBlock(before, after, 3, halves=halves)
    x = torch.randn(2, before, 6, 8, 4)
    layers = [one for one in block.inner.modules() if isinstance(one, nn.Conv3d)]

    def normed(values: torch.Tensor) -> torch.Tensor:
        away = values - values.mean((2, 3, 4), keepdim=True)
        return away / (away.square().mean((2, 3, 4), keepdim=True) + 1e-5).sqrt()

    inner = F.conv3d(x, layers[0].weight, layers[0].bias, stride=2 if halves else 1, padding=1)
    inner = F.leaky_relu(normed(inner), 0.01)
    inner = normed(F.conv3d(inner, layers[1].weight, layers[1].bias, padding=1))
    short = F.avg_pool3d(x, 2) if halves else x
    if before != after:
        weight = next(one.weight for one in block.shortcut.modules() if isinstance(one, nn.Conv3d))
        short = normed(F.conv3d(short, weight))
    torch.testing.assert_close(block(x), F.leaky_relu(short + inner, 0.01), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("dims", "sides"), [(2, (12, 20)), (3, (8, 12, 4))])
def test_heads_have_half_the_sides_each(dims: int, sides: tuple[int, ...]) -> None:
    net = ResidualEncoderUNet(2, 3, 4, (1, 2, 1), heads=2, spatial_dims=dims)
    source = torch.randn(2, 2, *sides)
    fine, coarse = net.pyramid(source)
    assert fine.shape == (2, 3, *sides)
    assert coarse.shape == (2, 3, *(side // 2 for side in sides))
    assert torch.equal(net(source), fine)


def test_the_finest_image_needs_no_coarse_head() -> None:
    net = ResidualEncoderUNet(1, 1, 4, (1, 1, 1), heads=2, spatial_dims=2)
    net(torch.randn(1, 1, 8, 8)).sum().backward()
    grads = {name: one.grad is not None for name, one in net.named_parameters()}
    assert {name for name, had in grads.items() if not had} == {"heads.1.weight", "heads.1.bias"}
