"""DISTS beside its authors' package, on the same weights of VGG-16."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from transmodal.evaluation.learned import _dists_network as dists_network


def _vgg16(pretrained: bool) -> SimpleNamespace:
    """VGG-16's convolutions with random weights, as torchvision builds them."""
    assert pretrained
    layers: list[nn.Module] = []
    before = 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
        before = width or before
    return SimpleNamespace(features=nn.Sequential(*layers))


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The authors' package; of torchvision, which it takes the layers from, these layers stand in."""
    torchvision = ModuleType("torchvision")
    vars(torchvision).update(models=SimpleNamespace(vgg16=_vgg16), transforms=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    yield pytest.importorskip("DISTS_pytorch.DISTS_pt", reason="needs DISTS-pytorch, of the extra test")
    for name in ("DISTS_pytorch", "DISTS_pytorch.DISTS_pt"):
        sys.modules.pop(name, None)


def test_the_authors_package_gives_the_same_distances(package: ModuleType, tmp_path: Path) -> None:
    torch.manual_seed(5)
    theirs = package.DISTS(load_weights=False)
    channels = Path(package.__file__).with_name("weights.pt")
    theirs.load_state_dict(torch.load(channels, weights_only=True), strict=False)
    convolutions = {
        f"features.{name.split('.', 1)[1]}": value
        for name, value in theirs.state_dict().items()
        if name.startswith("stage") and not name.endswith("filter")
    }
    torch.save(convolutions, tmp_path / "vgg16.pth")
    networks = dists_network.pretrained(str(tmp_path / "vgg16.pth"), str(channels))
    for shape in ((64, 64), (37, 50)):
        reference = torch.rand(3, 3, *shape)
        synthetic = reference + torch.tensor([0.02, 0.1, 0.5])[:, None, None, None] * torch.randn_like(
            reference
        )
        distances = dists_network.distances(networks, reference, synthetic)
        assert distances.tolist() == pytest.approx(theirs(reference, synthetic).tolist(), rel=1e-3, abs=2e-6)
        assert distances[2] > distances[0] > 0
