"""Layers by the number of spatial dimensions: what each is, checked on maps of that many sides."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.nets.dimensions import PATCHES, SLICES, Layers, layers_of


def test_two_and_three_are_there_and_nothing_else() -> None:
    assert (layers_of(2), layers_of(3)) == (SLICES, PATCHES)
    with pytest.raises(KeyError):
        layers_of(1)


@pytest.mark.parametrize("layers", [SLICES, PATCHES])
def test_every_layer_takes_maps_of_its_dimensions(layers: Layers) -> None:
    sides = (8, 6, 4)[: layers.dims]
    maps = torch.randn(2, 4, *sides)
    halves = tuple(side // 2 for side in sides)
    assert layers.conv(4, 3, 3, 2, 1)(maps).shape == (2, 3, *halves)
    assert layers.conv_transpose(4, 3, 4, 2, 1)(maps).shape == (2, 3, *(2 * side for side in sides))
    assert layers.reflect(1)(maps).shape[2:] == tuple(side + 2 for side in sides)
    assert layers.average(2)(maps).shape[2:] == layers.pool(maps, 2).shape[2:] == halves
    assert layers.pool_to(maps, 2).shape[2:] == (2,) * layers.dims
    kernels = torch.randn(3, 4, *(3,) * layers.dims)
    assert layers.convolve(maps, kernels, padding=1).shape == (2, 3, *sides)
    assert nn.functional.interpolate(maps, scale_factor=2.0, mode=layers.linear).shape[2:] == tuple(
        2 * side for side in sides
    )
    assert torch.equal(layers.per_channel(torch.ones(2, 4)) * maps, maps)


@pytest.mark.parametrize("layers", [SLICES, PATCHES])
def test_norms_by_name(layers: Layers) -> None:
    batch = layers.norm("batch", 4)
    assert isinstance(batch, nn.BatchNorm3d if layers.dims == 3 else nn.BatchNorm2d)
    assert layers.norm("batch", 4, remembers=False).running_mean is None
    assert not list(layers.norm("instance", 4).parameters())
    assert isinstance(layers.norm("none", 4), nn.Identity)
    maps = torch.randn(2, 4, *(3,) * layers.dims)
    centred = layers.norm("instance", 4)(maps).flatten(2)
    torch.testing.assert_close(centred.mean(dim=2), torch.zeros(2, 4), rtol=0, atol=1e-6)
