"""Blocks: seeded dropout and initial weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from transmodal.nets.blocks import BatchNorm, BatchNorm2d, normal_init, seeded_dropout, translate_with
from transmodal.nets.dimensions import layers_of


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


@pytest.mark.parametrize("sides", [(6, 7), (3, 4, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_by_its_own_statistics_is_a_batch_of_one(dtype: torch.dtype, sides: tuple[int, ...]) -> None:
    """The right values: torch's own batch normalisation in training mode, one image at a time."""
    torch.manual_seed(1)
    own = layers_of(len(sides)).norm("batch", 4).to(dtype)
    assert isinstance(own, BatchNorm)
    nn.init.normal_(own.weight)
    nn.init.normal_(own.bias)
    images = (3 * torch.randn(5, 4, *sides) + 2).to(dtype)
    own(images)  # running averages of something
    before = {name: buffer.clone() for name, buffer in own.named_buffers()}
    running = own.eval()(images)

    translate_with(nn.Sequential(own), "batch_statistics")
    alone = torch.cat(
        [
            nn.functional.batch_norm(one[None], None, None, own.weight, own.bias, training=True, eps=own.eps)
            for one in images
        ]
    )
    torch.testing.assert_close(own(images), alone, rtol=1e-6, atol=1e-6)
    assert (own(images) - running).abs().max() > 0.01
    assert all(torch.equal(buffer, before[name]) for name, buffer in own.named_buffers())

    translate_with(nn.Sequential(own), "running")
    assert torch.equal(own(images), running)


def test_training_takes_the_batchs_statistics_either_way() -> None:
    images = torch.randn(3, 2, 4, 4)
    plain, own = nn.BatchNorm2d(2), BatchNorm2d(2)
    translate_with(own, "batch_statistics")
    assert torch.equal(own(images), plain(images))
    assert torch.equal(own.running_mean, plain.running_mean)  # type: ignore[arg-type]
    assert torch.equal(own.running_var, plain.running_var)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Conv2d(8, 64, 4), nn.BatchNorm2d(64), nn.ConvTranspose2d(64, 8, 4)),
        (nn.Conv3d(8, 64, 4), nn.BatchNorm3d(64), nn.ConvTranspose3d(64, 8, 4)),
    ],
)
def test_initial_weights(layers: tuple[nn.Module, ...]) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(*layers)
    normal_init(net)
    assert float(net[0].weight.detach().std()) == pytest.approx(0.02, rel=0.1)  # type: ignore[arg-type, operator]
    assert float(net[1].weight.detach().mean()) == pytest.approx(1.0, abs=0.02)  # type: ignore[arg-type, operator]
    assert not net[2].bias.any()  # type: ignore[union-attr, operator]
