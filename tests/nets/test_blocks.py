"""Blocks: seeded dropout and initial weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.nets.blocks import norm2d, normal_init, seeded_dropout


def test_dropout_follows_each_samples_seed() -> None:
    x = torch.ones(3, 8, 5, 7)
    seeds = torch.tensor([5, 6, 5])
    dropped = seeded_dropout(x, 0.4, seeds, 1)
    assert torch.equal(dropped[0], dropped[2])
    assert not torch.equal(dropped[0], dropped[1])
    assert not torch.equal(dropped, seeded_dropout(x, 0.4, seeds, 2))
    assert torch.equal(dropped[1:2], seeded_dropout(x[1:2], 0.4, seeds[1:2], 1))
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.6])
    assert float((dropped == 0).float().mean()) == pytest.approx(0.4, abs=0.08)


def test_initial_weights() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(8, 64, 4), nn.BatchNorm2d(64), nn.ConvTranspose2d(64, 8, 4))
    normal_init(net)
    assert float(net[0].weight.detach().std()) == pytest.approx(0.02, rel=0.1)  # type: ignore[arg-type, operator]
    assert float(net[1].weight.detach().mean()) == pytest.approx(1.0, abs=0.02)  # type: ignore[arg-type, operator]
    assert not net[2].bias.any()  # type: ignore[union-attr, operator]


def test_norms_by_name() -> None:
    assert isinstance(norm2d("batch", 4), nn.BatchNorm2d)
    assert not list(norm2d("instance", 4).parameters())
    assert isinstance(norm2d("none", 4), nn.Identity)
