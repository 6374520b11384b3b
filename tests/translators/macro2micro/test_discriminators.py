"""Scaled layers and the two discriminators."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from transmodal.nets.meta import shapes_alone
from transmodal.translators.macro2micro.discriminators import (
    CooccurrenceDiscriminator,
    ResidualBlock,
    ResidualDiscriminator,
    ScaledConv,
    ScaledLinear,
)


def millions(module: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def lrelu(x: torch.Tensor) -> torch.Tensor:
    return math.sqrt(2) * torch.where(x > 0, x, 0.2 * x)


def test_scaled_layers_keep_the_variance() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 32, 32, 32)
    assert ScaledConv(32, 64, 3, activate=False)(x)[..., 1:-1, 1:-1].var().item() == pytest.approx(1, rel=0.1)
    assert ScaledLinear(512, 256, activate=False)(torch.randn(64, 512)).var().item() == pytest.approx(
        1, rel=0.1
    )


def test_activation_is_scaled_leaky_relu_after_the_bias() -> None:
    conv, x = ScaledConv(2, 3, 3), torch.randn(1, 2, 5, 5)
    with torch.no_grad():
        conv.bias.copy_(torch.tensor([1.0, -1.0, 0.0]))
    wanted = lrelu(F.conv2d(x, conv.weight / math.sqrt(18), conv.bias, padding=1))
    torch.testing.assert_close(conv(x), wanted)
    assert ScaledConv(2, 3, 3, pad=False)(x).shape == (1, 3, 3, 3)


@pytest.mark.parametrize("kernel", [1, 3])
def test_halving_keeps_what_is_flat_and_drops_a_checkerboard(kernel: int) -> None:
    conv = ScaledConv(1, 1, kernel, halve=True, activate=False)
    with torch.no_grad():
        conv.weight.fill_(kernel / kernel**2)  # a mean, once it is scaled
    inner = (..., slice(2, -2), slice(2, -2))
    flat = conv(torch.ones(1, 1, 16, 20))
    assert flat.shape == (1, 1, 8, 10)
    torch.testing.assert_close(flat[inner], torch.ones_like(flat[inner]))
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(20), indexing="ij")
    board = (1.0 - 2 * ((rows + columns) % 2)).view(1, 1, 16, 20)
    assert conv(board)[inner].abs().max() < 1e-6


def test_a_block_is_two_convolutions_and_a_shortcut() -> None:
    block, x = ResidualBlock(4, 6), torch.randn(2, 4, 8, 8)
    wanted = (block.second(block.first(x)) + block.shortcut(x)) / 2**0.5
    torch.testing.assert_close(block(x), wanted)
    assert block(x).shape == (2, 6, 4, 4)
    assert ResidualBlock(4, 6, halve=False)(x).shape == (2, 6, 8, 8)
    assert block.shortcut.bias is None


def test_parameters_and_maps_at_the_papers_size() -> None:
    with shapes_alone():
        judge, patches = ResidualDiscriminator(1), CooccurrenceDiscriminator(1)
        assert judge.features(torch.empty(1, 1, 256, 256)).shape == (1, 512, 4, 4)
        assert patches._features(torch.empty(1, 1, 128, 128)).shape == (1, 384, 2, 2)
    assert millions(judge) == pytest.approx(28.86, rel=5e-4)
    assert millions(patches) == pytest.approx(24.52, rel=5e-4)


@pytest.mark.parametrize("side", [8, 9, 22])
def test_one_verdict_at_any_size(side: int) -> None:
    judge = ResidualDiscriminator(2, width=4, levels=3)
    assert judge.least_side == 8
    assert judge(torch.randn(3, 2, side, side + 3)).shape == (3, 1)


def test_the_least_side_is_the_least() -> None:
    judge, patches = ResidualDiscriminator(1, 4, 3), CooccurrenceDiscriminator(1, 4, 2)
    assert torch.isfinite(judge(torch.randn(1, 1, judge.least_side, judge.least_side))).all()
    with pytest.raises(RuntimeError):
        judge(torch.randn(1, 1, judge.least_side - 1, judge.least_side - 1))
    side = patches.least_side
    assert patches.features(torch.randn(1, 1, 1, side, side)).shape == (1, 1, 12 * 4 * 4)
    with pytest.raises(RuntimeError):
        patches.features(torch.randn(1, 1, 1, side - 1, side - 1))


def test_patches_are_compared_with_the_mean_of_the_references() -> None:
    torch.manual_seed(4)
    judge = CooccurrenceDiscriminator(1, width=2, levels=1)
    reference = judge.features(torch.randn(2, 4, 1, 8, 8))
    query = judge.features(torch.randn(2, 3, 1, 8, 8))
    verdicts = judge.compare(reference, query)
    assert verdicts.shape == (2, 3)
    torch.testing.assert_close(verdicts, judge.compare(reference.flip(1), query))
    pair = torch.cat([reference[1].mean(0), query[1, 2]])
    torch.testing.assert_close(verdicts[1, 2], judge._pair(pair).squeeze())
    assert not torch.allclose(verdicts, judge.compare(reference[[1, 0]], query))


def test_features_stay_with_their_patch() -> None:
    judge, patches = CooccurrenceDiscriminator(2, width=2, levels=1), torch.randn(2, 3, 2, 8, 8)
    whole = judge.features(patches)
    torch.testing.assert_close(whole[1, 2], judge.features(patches[1:, 2:])[0, 0])


def test_in_three_dimensions_they_smooth_halve_and_average_alike() -> None:
    x = torch.randn(2, 3, 16, 12, 20)
    halved = ScaledConv(3, 8, 3, halve=True, dims=3)(x)
    assert halved.shape == (2, 8, 8, 6, 10)
    flat = torch.full((1, 1, 16, 16, 16), 2.0)
    conv = ScaledConv(1, 1, 1, halve=True, activate=False, dims=3)
    inner = conv(flat)[0, 0, 1:-1, 1:-1, 1:-1]
    torch.testing.assert_close(inner, 2 * conv.weight.detach().flatten().expand(inner.shape))
    assert ResidualDiscriminator(3, 4, 2, dims=3)(x).shape == (2, 1)
    judge = CooccurrenceDiscriminator(3, 2, 1, dims=3)
    features = judge.features(torch.randn(2, 4, 3, 8, 8, 8))
    assert features.shape == (2, 4, 12 * 2 * 2**3)
    assert judge.compare(features, features).shape == (2, 4)
