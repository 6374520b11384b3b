"""The residual generator: its stages, its parameters, its sides."""

from __future__ import annotations

import torch

from transmodal.nets.resnet import ResNetGenerator


def test_the_resnet_is_its_stages() -> None:
    net = ResNetGenerator(1, 2, 4, 2)
    x = torch.rand(1, 1, 12, 20)
    assert net.encode(x).shape == (1, 16, 3, 5)
    assert torch.equal(net(x), net.decode(net.blocks(net.encode(x))))
    assert net(x).shape == (1, 2, 12, 20)


def test_of_patches_it_has_the_same_stages() -> None:
    net = ResNetGenerator(1, 2, 4, 1, spatial_dims=3)
    x = torch.rand(1, 1, 12, 8, 16)
    assert net.encode(x).shape == (1, 16, 3, 2, 4)
    assert net(x).shape == (1, 2, 12, 8, 16)
    flat = {key: value.ndim for key, value in ResNetGenerator(1, 2, 4, 1).state_dict().items()}
    assert {key: value.ndim for key, value in net.state_dict().items()} == {
        key: dims + (dims == 4) for key, dims in flat.items()
    }
