"""The decoder that shuffles pixels: how it begins, what it joins, its sides."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.nets.shuffle import Enlarge, PixelDecoder, Up


@pytest.mark.parametrize("factor", [2, 4])
def test_pixels_that_one_becomes_begin_equal(factor: int) -> None:
    torch.manual_seed(0)
    enlarge = Enlarge(3, 2, factor, normed=False)
    out = enlarge(torch.ones(1, 3, 2, 3))
    assert out.shape == (1, 2, 2 * factor, 3 * factor)
    torch.testing.assert_close(out, out[..., :1, :1].expand_as(out))


def test_channels_become_pixels_and_pixels_are_averaged() -> None:
    enlarge = Enlarge(1, 1, 2, normed=False)
    enlarge.conv = nn.Conv2d(1, 4, 1, bias=False)  # type: ignore[assignment]
    enlarge.conv.weight.data = torch.tensor([1.0, 2.0, 3.0, -9.0]).view(4, 1, 1, 1)
    out = enlarge(torch.ones(1, 1, 1, 1))[0, 0]
    # Rows 1, 2 and 3, 0 (after ReLU), each with the pixels above and to its left, mirrored at the edge.
    assert out.tolist() == [[1.0, 1.5], [2.0, 1.5]]


def test_both_ways_are_joined() -> None:
    torch.manual_seed(0)
    up = Up(4, 3, 2).eval()
    x, skip = torch.randn(1, 4, 2, 3), torch.randn(1, 3, 4, 6)
    out = up(x, skip)
    assert out.shape == (1, 2, 4, 6)
    assert not torch.allclose(up(x, skip.roll(1, 3)), out)
    assert not torch.allclose(up(x.roll(1, 3), skip), out)


def test_maps_of_the_way_up_are_the_coarsest_first() -> None:
    decoder = PixelDecoder((2, 4, 8, 16), 6)
    maps = [torch.randn(2, 2 * 2**n, 16 // 2**n, 8 // 2**n) for n in range(4)]
    found, last = decoder(maps)
    assert decoder.widths == (6, 6, 3)
    assert [tuple(one.shape[1:]) for one in found] == [(6, 4, 2), (6, 8, 4), (3, 16, 8)]
    assert last.shape == (2, 3, 64, 32)
