"""Norms in the layout of the map: torch's values, no copy to another layout, and no digits lost."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from transmodal.inference.engines._channels_last import ChannelsLastNorms
from transmodal.nets.blocks import BatchNorm2d, translate_with

LAST = torch.channels_last


def a_map(*shape: int) -> torch.Tensor:
    return (torch.randn(*shape, dtype=torch.float64) * 3 + 50).to(memory_format=LAST)


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (2, 5, 7, 9), (3, 4, 1, 6)])
@pytest.mark.parametrize("affine", [False, True])
def test_values_are_torch_s_and_the_layout_stays(shape: tuple[int, int, int, int], affine: bool) -> None:
    norm = nn.InstanceNorm2d(shape[1], eps=1e-3, affine=affine, dtype=torch.float64).eval()
    if affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    x = a_map(*shape)
    expected = norm(x)
    with torch.inference_mode(), ChannelsLastNorms():
        synthetic = norm(x)
    torch.testing.assert_close(synthetic, expected, rtol=0, atol=1e-10)
    assert synthetic.is_contiguous(memory_format=LAST)
    assert not expected.is_contiguous(memory_format=LAST)  # or the norm of our own has no use any more


def test_rounding_does_not_grow_with_the_map() -> None:
    x = a_map(1, 2, 256, 256)
    with torch.inference_mode(), ChannelsLastNorms():
        synthetic = F.instance_norm(x.float())
    torch.testing.assert_close(synthetic.double(), F.instance_norm(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("affine", [False, True])
def test_group_norms_are_torch_s_in_double_precision(groups: int, affine: bool) -> None:
    norm = nn.GroupNorm(groups, 6, eps=1e-3, affine=affine)
    if affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    x = a_map(2, 6, 160, 161)
    expected = copy.deepcopy(norm).double()(x)
    with torch.inference_mode(), ChannelsLastNorms():
        synthetic = norm(x.float())
    torch.testing.assert_close(synthetic.double(), expected, rtol=0, atol=2e-5)
    assert synthetic.is_contiguous(memory_format=LAST)
    assert (norm(x.float()).double() - expected).abs().max() > 1e-4  # or torch's own would do


def test_batch_norm_by_image_and_running_statistics() -> None:
    norm = BatchNorm2d(4).double().eval()
    norm.running_mean.fill_(2.0)  # type: ignore[union-attr]  # kept by this norm
    x = a_map(2, 4, 6, 6)
    running = norm(x)
    translate_with(norm, "batch_statistics")
    own = norm(x)
    tracked = nn.InstanceNorm2d(4, track_running_stats=True, dtype=torch.float64).eval()
    followed = tracked(x)
    with torch.inference_mode(), ChannelsLastNorms():
        torch.testing.assert_close(norm(x), own, rtol=0, atol=1e-10)
        translate_with(norm, "running")
        assert torch.equal(norm(x), running)
        assert torch.equal(tracked(x), followed)


def test_maps_that_lie_otherwise_are_torch_s() -> None:
    x = torch.randn(2, 3, 6, 6)
    one_channel, volume = torch.randn(1, 1, 6, 6).to(memory_format=LAST), torch.randn(1, 3, 4, 4, 4)
    expected = [F.instance_norm(values) for values in (x, one_channel, volume)]
    with torch.inference_mode(), ChannelsLastNorms():
        for values, norm in zip((x, one_channel, volume), expected, strict=True):
            assert torch.equal(F.instance_norm(values), norm)
