"""Octave convolutions against their definition."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.nets.dimensions import PATCHES
from transmodal.translators.macro2micro.octave import (
    OctaveConv,
    OctaveDepthwise,
    OctaveMerge,
    OctaveSplit,
    OctaveUp,
    activated,
    split,
)


def pair(high: int, low: int, side: int = 8) -> tuple[Tensor, Tensor]:
    torch.manual_seed(5)
    return torch.randn(2, high, side, side + 4), torch.randn(2, low, side // 2, side // 2 + 2)


def repeated(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def pooled(x: Tensor) -> Tensor:
    return (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4


def mixed(weight: Tensor, x: Tensor) -> Tensor:
    return torch.einsum("oi,bihw->bohw", weight[:, :, 0, 0], x)


def weights(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name.removesuffix(".weight"): value for name, value in module.named_parameters()}


@pytest.mark.parametrize(("alpha", "expected"), [(0.5, (4, 4)), (0.25, (6, 2)), (0.3, (6, 2)), (0.0, (8, 0))])
def test_split(alpha: float, expected: tuple[int, int]) -> None:
    assert split(8, alpha) == expected


def test_exchange_is_the_four_products_of_the_definition() -> None:
    layer, (high, low) = OctaveConv(8, 12, 0.25), pair(6, 2)
    w = weights(layer)
    got_high, got_low = layer((high, low))
    wanted_high = mixed(w["high_to_high"], high) + mixed(w["exchange.low_to_high"], repeated(low))
    wanted_low = mixed(w["exchange.low_to_low"], low) + mixed(w["exchange.high_to_low"], pooled(high))
    torch.testing.assert_close(got_high, wanted_high)
    torch.testing.assert_close(got_low, wanted_low)
    assert got_high.shape[1] == 9
    assert got_low.shape[1] == 3


def test_a_split_convolves_the_image_and_the_pooled_image() -> None:
    layer, x = OctaveSplit(3, 8, 0.25, stride=2), pair(3, 1, 16)[0]
    w = weights(layer)
    high, low = layer(x)
    reflected = F.pad(x, (1, 1, 1, 1), mode="reflect")
    torch.testing.assert_close(high, F.conv2d(reflected, w["high"], stride=2))
    reflected = F.pad(pooled(x), (1, 1, 1, 1), mode="reflect")
    torch.testing.assert_close(low, F.conv2d(reflected, w["low"], stride=2))
    assert high.shape == (2, 6, 8, 10)
    assert low.shape == (2, 2, 4, 5)


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_exchanges_nothing_and_mixes_no_channels(stride: int) -> None:
    layer, (high, low) = OctaveDepthwise(8, 0.5, stride), pair(4, 4)
    whole = layer((high, low))
    changed = layer((high, low + torch.eye(4)[0].view(4, 1, 1)))
    assert torch.equal(whole[0], changed[0])
    assert torch.equal(whole[1][:, 1:], changed[1][:, 1:])
    assert not torch.equal(whole[1][:, 0], changed[1][:, 0])
    by_hand = F.conv2d(
        F.pad(high[:, :1], (1, 1, 1, 1), mode="reflect"), weights(layer)["high"][:1], stride=stride
    )
    torch.testing.assert_close(whole[0][:, :1], by_hand)


def test_up_repeats_pixels_before_it_convolves() -> None:
    layer, (high, low) = OctaveUp(6, 0.5), pair(3, 3)
    got_high, got_low = layer((high, low))
    for got, x, conv in ((got_high, high, layer.high), (got_low, low, layer.low)):
        big = F.pad(repeated(x), (1, 1, 1, 1), mode="reflect")
        torch.testing.assert_close(got, F.conv2d(big, conv.weight, conv.bias))


def test_merge_brings_both_to_one_size() -> None:
    layer, (high, low) = OctaveMerge(8, 5, 0.25), pair(6, 2)
    got_high, got_low = layer((high, low))
    torch.testing.assert_close(got_high, mixed(layer.high.weight, high))
    torch.testing.assert_close(got_low, mixed(layer.low.weight, repeated(low)))


def test_activation_is_applied_to_both() -> None:
    high, low = activated((torch.tensor([-1.0, 2.0]), torch.tensor([-5.0])))
    assert low is not None
    assert torch.cat([high, low]).tolist() == pytest.approx([-0.2, 2.0, -1.0])


def test_without_alpha_there_is_no_low_path() -> None:
    x = torch.randn(1, 4, 8, 8)
    layers = [
        OctaveSplit(4, 4, 0.0),
        *(OctaveConv(4, 8, 0.0), OctaveDepthwise(8, 0.0), OctaveUp(8, 0.0), OctaveMerge(8, 2, 0.0)),
    ]
    assert not [name for layer in layers for name, _ in layer.named_parameters() if "low" in name]
    state = layers[0](x)
    for layer in layers[1:]:
        state = layer(activated(state))
        assert state[1] is None
    assert state[0].shape == (1, 2, 16, 16)


def test_of_patches_every_layer_halves_and_doubles_along_three_axes() -> None:
    high, low = torch.randn(1, 4, 8, 16, 12), torch.randn(1, 4, 4, 8, 6)
    layers = {
        "split": OctaveSplit(4, 8, 0.5, stride=2, nd=PATCHES)(high),
        "conv": OctaveConv(8, 8, 0.5, nd=PATCHES)((high, low)),
        "up": OctaveUp(8, 0.5, nd=PATCHES)((high, low)),
        "merge": OctaveMerge(8, 2, 0.5, nd=PATCHES)((high, low)),
    }
    shapes = {name: [tuple(part.shape) for part in pair if part is not None] for name, pair in layers.items()}
    assert shapes == {
        "split": [(1, 4, 4, 8, 6), (1, 4, 2, 4, 3)],
        "conv": [(1, 4, 8, 16, 12), (1, 4, 4, 8, 6)],
        "up": [(1, 4, 16, 32, 24), (1, 4, 8, 16, 12)],
        "merge": [(1, 2, 8, 16, 12), (1, 2, 8, 16, 12)],
    }
