"""The family's files: their names tell the network, and its tensors go where they compute the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from family_generators import NestedUNet, Residual, draw
from transmodal.nets.pretrained import PretrainedWeights
from transmodal.nets.resnet import ResNetGenerator
from transmodal.nets.weight_maps.image_translation import FILE, PublishedGenerator, recognise, weight_map
from transmodal.translators.pix2pix import Config, UNetGenerator


def fill(
    network: nn.Module, published: nn.Module, path: Path, *, grey: tuple[bool, bool] = (False, False)
) -> None:
    torch.save(published.state_dict(), path)
    generator = recognise(published.state_dict())
    assert generator is not None
    tensors = weight_map(generator, is_grey_source=grey[0], is_grey_target=grey[1])
    PretrainedWeights(network, str(path), FILE, tensors.tensors, tensors.ignored).load()
    network.eval()


@pytest.mark.parametrize("kind", ["batch", "instance"])
def test_a_nested_unet_computes_the_same(kind: str, tmp_path: Path) -> None:
    published = draw(NestedUNet((2, 1), 3, 5, kind))
    assert recognise(published.state_dict()) == PublishedGenerator("unet", 2, 1, 3, 5, kind)  # type: ignore[arg-type]
    config = Config(source_channels=(2,), width=3, levels=5, norm=kind, translate_with="running")  # type: ignore[arg-type]
    network = UNetGenerator(config)
    fill(network, published, tmp_path / "g.pth")
    x = torch.rand(2, 2, 64, 96, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(network(x), published(x), atol=1e-5, rtol=0)
        assert published(x).std() > 0.05


@pytest.mark.parametrize("has_dropout", [False, True])
def test_residual_blocks_compute_the_same(has_dropout: bool, tmp_path: Path) -> None:
    published = draw(Residual((1, 2), 4, 3, has_dropout=has_dropout))
    own = recognise(published.state_dict())
    assert own == PublishedGenerator("resnet", 1, 2, 4, 3, "instance", has_dropout)
    network = ResNetGenerator(1, 2, 4, 3)
    fill(network, published, tmp_path / "g.pth")
    x = torch.rand(2, 1, 32, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(network(x), published(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("is_unet", [True, False])
def test_grey_stored_as_three_equal_channels_becomes_one(is_unet: bool, tmp_path: Path) -> None:
    published = draw(
        NestedUNet((3, 3), 2, 3, "batch") if is_unet else Residual((3, 3), 2, 1, has_dropout=False)
    )
    network: nn.Module = ResNetGenerator(1, 1, 2, 1)
    if is_unet:
        network = UNetGenerator(Config(width=2, levels=3, translate_with="running"))
        for part in network.modules():
            part.by_image = False
    fill(network, published, tmp_path / "g.pth", grey=(True, True))
    x = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(network(x), published(x.expand(-1, 3, -1, -1))[:, :1], atol=1e-5, rtol=0)


def test_statistics_of_instance_normalisation_are_left_out(tmp_path: Path) -> None:
    state: Mapping[str, Tensor] = draw(Residual((1, 1), 2, 1, has_dropout=False)).state_dict()
    older = {**state, "model.2.running_mean": torch.zeros(2), "model.2.num_batches_tracked": torch.tensor(3)}
    torch.save(older, tmp_path / "g.pth")
    generator = recognise(older)
    assert generator is not None
    tensors = weight_map(generator, is_grey_source=False, is_grey_target=False)
    PretrainedWeights(
        ResNetGenerator(1, 1, 2, 1), str(tmp_path / "g.pth"), FILE, tensors.tensors, tensors.ignored
    ).check()


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"model.model.0.weight": torch.zeros(2, 1, 4, 4)},
        {"model.1.weight": torch.zeros(2, 1, 7, 7)},
        {"model.1.weight": torch.zeros(2), "model.10.conv_block.1.weight": torch.zeros(1)},
    ],
)
def test_files_of_other_families_are_not_taken_for_one(content: dict[str, Tensor]) -> None:
    assert recognise(content) is None
