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
