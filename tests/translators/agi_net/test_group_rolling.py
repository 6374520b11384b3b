"""AGI-Net's convolution: rolled kernels, routing and cross group attention, against independent statements."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from transmodal.translators.agi_net.group_rolling import (
    CagrConv,
    CagrSpec,
    ChannelAttention,
    Routing,
    SpatialAttention,
    per_sample_conv,
    rolled,
    shuffled,
)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_whole_pixels_are_torchs_roll(groups: int) -> None:
    weight = torch.randn(5, 6, 3, 3)
    moves = torch.tensor(list(product((-1, 0, 1, 2), repeat=2)), dtype=torch.float32)
    offsets = torch.stack([moves.roll(n, 0) for n in range(groups)], dim=1)  # (16, n, 2)
    scales = torch.rand(16, groups) * 2
    got = rolled(weight, scales, offsets)
    for sample in range(16):
        for g, part in enumerate(weight.chunk(groups, dim=1)):
            move = tuple(int(one) for one in offsets[sample, g])
            expected = scales[sample, g] * part.roll(move, (2, 3))
            torch.testing.assert_close(got[sample].chunk(groups, dim=1)[g], expected)


def test_whole_voxels_are_torchs_roll_along_three_axes() -> None:
    weight = torch.randn(3, 4, 3, 3, 3)
    offsets = torch.tensor([[[1.0, 0.0, -1.0], [-1.0, 2.0, 1.0]]])
    got = rolled(weight, torch.tensor([[1.5, 0.5]]), offsets)[0]
    first, second = weight.chunk(2, dim=1)
    torch.testing.assert_close(got[:, :2], 1.5 * first.roll((1, 0, -1), (2, 3, 4)))
    torch.testing.assert_close(got[:, 2:], 0.5 * second.roll((-1, 2, 1), (2, 3, 4)))


def test_an_offset_within_a_plane_moves_every_plane_as_in_two_dimensions() -> None:
    weight, theta = torch.randn(2, 4, 3, 3, 3), torch.tensor([[[0.3, -0.7], [-0.2, 0.9]]])
    scales = torch.tensor([[0.8, 1.3]])
    solid = rolled(weight, scales, F.pad(theta, (1, 0)))[0]
    planes = [rolled(weight[:, :, n], scales, theta)[0] for n in range(3)]
    torch.testing.assert_close(solid, torch.stack(planes, dim=2))


def test_no_offset_gives_the_very_weights() -> None:
    weight = torch.randn(4, 6, 3, 3)
    assert torch.equal(
        rolled(weight, torch.ones(2, 3), torch.zeros(2, 3, 2)), weight.expand(2, -1, -1, -1, -1)
    )


@pytest.mark.parametrize("fill", ["circular", "zero"])
def test_parts_of_a_pixel_are_bilinear(fill: Any) -> None:  # noqa: ANN401 - parametrised
    weight = torch.randn(2, 2, 3, 3, dtype=torch.float64)
    offset = torch.tensor([-0.3, 0.6], dtype=torch.float64)
    got = rolled(weight, torch.ones(1, 1, dtype=torch.float64), offset[None, None], fill)[0]
    # Sampled at p - theta from a picture that repeats, or that is 0 beyond the kernel.
    wide = F.pad(weight, (3, 3, 3, 3), mode="circular" if fill == "circular" else "constant")
    places = torch.arange(3, dtype=torch.float64) + 3
    y, x = torch.meshgrid(places - offset[0], places - offset[1], indexing="ij")
    grid = torch.stack([x, y], dim=-1)[None] / 4 - 1  # nine pixels, corners aligned
    expected = F.grid_sample(wide, grid.expand(2, -1, -1, -1), align_corners=True)
    torch.testing.assert_close(got, expected)


def test_the_two_fills_differ_at_the_rim() -> None:
    weight, offsets = torch.ones(1, 1, 3, 3), torch.tensor([[[1.0, 0.0]]])
    assert torch.equal(rolled(weight, torch.ones(1, 1), offsets)[0], weight)
    assert rolled(weight, torch.ones(1, 1), offsets, "zero")[0, 0, 0].sum(dim=-1).tolist() == [0, 3, 3]


def test_rolling_is_differentiable() -> None:
    weight = torch.randn(2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    scales = torch.rand(2, 2, dtype=torch.float64, requires_grad=True)
    offsets = (torch.rand(2, 2, 2, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(rolled, (weight, scales, offsets))


def test_every_patch_has_kernels_of_its_own() -> None:
    x, kernels, bias = torch.randn(2, 4, 6, 5, 4), torch.randn(2, 5, 4, 3, 3, 3), torch.randn(5)
    got = per_sample_conv(x, kernels, bias)
    each = [F.conv3d(x[n : n + 1], kernels[n], bias, padding=1) for n in range(2)]
    torch.testing.assert_close(got, torch.cat(each))


@pytest.mark.parametrize("stride", [1, 2])
def test_every_sample_has_kernels_of_its_own(stride: int) -> None:
    x, kernels, bias = torch.randn(3, 4, 8, 6), torch.randn(3, 5, 4, 3, 3), torch.randn(5)
    got = per_sample_conv(x, kernels, bias, stride=stride)
    each = [
        F.conv2d(one[None], kernel, bias, stride, padding=1) for one, kernel in zip(x, kernels, strict=True)
    ]
    torch.testing.assert_close(got, torch.cat(each))


@pytest.mark.parametrize("stride", [1, 2])
def test_cagr_starts_as_an_ordinary_convolution(stride: int) -> None:
    module = CagrConv(6, 4, CagrSpec(3, cga="none"), stride, bias=True)
    assert module.routing is not None
    torch.nn.init.zeros_(module.routing.scale.weight)  # lambda 1; the offsets start at 0 by themselves
    x = torch.randn(2, 6, 10, 8)
    torch.testing.assert_close(module(x), module.conv(x), rtol=1e-5, atol=1e-6)


def test_cagr_rolls_what_the_routing_says() -> None:
    module = CagrConv(4, 3, CagrSpec(2, cga="none", delta=1.0))
    assert module.routing is not None
    torch.nn.init.normal_(module.routing.offset.weight, 0, 5)
    x = torch.randn(2, 4, 9, 7)
    scales, offsets = module.routing(x)
    expected = torch.zeros(2, 3, 9, 7)
    for n, g in product(range(2), range(2)):
        # The convolution is linear in its groups, and a group's kernel is a weighted sum of nine rolls.
        for move in product((-1, 0, 1), repeat=2):
            share = torch.relu(1 - (offsets[n, g] - torch.tensor(move)).abs()).prod()
            kernel = module.conv.weight[:, 2 * g : 2 * g + 2].roll(move, (2, 3))
            expected[n] += scales[n, g] * share * F.conv2d(x[n, 2 * g : 2 * g + 2], kernel, padding=1)
    torch.testing.assert_close(module(x), expected, rtol=1e-4, atol=1e-5)


def test_the_gradient_reaches_the_offsets() -> None:
    module = CagrConv(4, 3, CagrSpec(2))
    assert module.routing is not None
    (module(torch.randn(2, 4, 8, 8)) ** 2).sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_the_routing_by_hand() -> None:
    routing = Routing(4, 2, 0.5)
    torch.nn.init.normal_(routing.offset.weight)
    x = torch.randn(3, 4, 6, 5)
    looked = F.conv2d(x, routing.look.weight, padding=1, groups=4)
    deviation = looked.var(dim=1, unbiased=False, keepdim=True).add(1e-5).sqrt()
    pooled = ((looked - looked.mean(dim=1, keepdim=True)) / deviation).clamp(min=0).mean(dim=(2, 3))
    scales, offsets = routing(x)
    torch.testing.assert_close(scales, 2 * torch.sigmoid(pooled @ routing.scale.weight.T))
    moved = pooled @ routing.offset.weight.T
    torch.testing.assert_close(offsets.flatten(1), 0.5 * moved / (1 + moved.abs()))


def test_the_shuffle_deals_groups_out() -> None:
    assert shuffled(torch.arange(6.0)[None], 2).tolist() == [[0, 3, 1, 4, 2, 5]]
    assert shuffled(torch.arange(6.0)[None], 3).tolist() == [[0, 2, 4, 1, 3, 5]]


def test_attention_by_channel_by_hand() -> None:
    attend = ChannelAttention(4, 2)
    x = torch.randn(2, 4, 5, 3)
    z = x.mean(dim=(2, 3))
    weight, bias = attend.mix.weight[..., 0], attend.mix.bias
    assert bias is not None
    parts = [
        torch.stack([z[:, 0], z[:, 1], z[:, 0], z[:, 2]], dim=1) @ weight[:2].T + bias[:2],
        torch.stack([z[:, 2], z[:, 3], z[:, 1], z[:, 3]], dim=1) @ weight[2:].T + bias[2:],
    ]
    expected = x * torch.sigmoid(torch.cat(parts, dim=1))[..., None, None]
    torch.testing.assert_close(attend(x), expected)


def test_attention_by_place_by_hand() -> None:
    attend = SpatialAttention(2)
    x = torch.randn(2, 4, 9, 8)
    own = [x[:, [0, 1]].mean(dim=1), x[:, [2, 3]].mean(dim=1)]
    others = [x[:, [0, 2]].mean(dim=1), x[:, [1, 3]].mean(dim=1)]
    expected = torch.empty_like(x)
    for g in range(2):
        both = torch.stack([own[g], others[g]], dim=1)
        assert attend.mix.bias is not None
        seen = F.conv2d(both, attend.mix.weight[[g]], attend.mix.bias[[g]], padding=3)
        expected[:, 2 * g : 2 * g + 2] = x[:, 2 * g : 2 * g + 2] * torch.sigmoid(seen)
    torch.testing.assert_close(attend(x), expected)


@pytest.mark.parametrize("cga", ["channel", "spatial"])
def test_attention_crosses_groups(cga: str) -> None:
    attend = ChannelAttention(4, 2) if cga == "channel" else SpatialAttention(2)
    x = torch.randn(1, 4, 8, 8)
    changed = x.clone()
    changed[:, 2] += 1  # of the second group; the shuffle hands it to the first as well
    assert not torch.allclose(attend(x)[:, :2], attend(changed)[:, :2])
