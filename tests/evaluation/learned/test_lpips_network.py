"""LPIPS against plain layers, and the files that it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.evaluation.learned import _lpips_network as lpips_network

F = nn.functional

# Names and shapes of the published files, written down by hand: place, width, channels before, kernel.
SHAPES: dict[lpips_network.Name, list[tuple[int, int, int, int]]] = {
    "alex": [(0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3)],
    "vgg": [
        (0, 64, 3, 3), (2, 64, 64, 3), (5, 128, 64, 3), (7, 128, 128, 3), (10, 256, 128, 3), (12, 256, 256, 3),
        (14, 256, 256, 3), (17, 512, 256, 3), (19, 512, 512, 3), (21, 512, 512, 3), (24, 512, 512, 3),
        (26, 512, 512, 3), (28, 512, 512, 3),
    ],
}  # fmt: skip
CLASSIFIER = {
    "alex": [(4096, 9216), (4096, 4096), (1000, 4096)],
    "vgg": [(4096, 25088), (4096, 4096), (1000, 4096)],
}
CHANNELS = {"alex": [64, 192, 384, 256, 256], "vgg": [64, 128, 256, 512, 512]}


def files(folder: Path, name: lpips_network.Name) -> tuple[dict[str, Tensor], dict[str, Tensor], str, str]:
    """Write a backbone's and the heads' files with random weights."""
    torch.manual_seed(3)
    backbone = {"classifier.6.weight": torch.zeros(1), "classifier.6.bias": torch.zeros(1)}
    for place, width, before, kernel in SHAPES[name]:
        scale = (2 / (kernel * kernel * before)) ** 0.5
        backbone[f"features.{place}.weight"] = scale * torch.randn(width, before, kernel, kernel)
        backbone[f"features.{place}.bias"] = torch.randn(width) / 10
    heads = {f"lin{n}.model.1.weight": torch.rand(1, c, 1, 1) for n, c in enumerate(CHANNELS[name])}
    torch.save(backbone, folder / "backbone.pth")
    torch.save(heads, folder / "heads.pth")
    return backbone, heads, str(folder / "backbone.pth"), str(folder / "heads.pth")


def plainly(name: lpips_network.Name, file: dict[str, Tensor], x: Tensor) -> list[Tensor]:
    """Return the five features, stated without the module."""
    x = (x - torch.tensor([-0.030, -0.088, -0.188])[:, None, None]) / torch.tensor([0.458, 0.448, 0.450])[
        :, None, None
    ]

    def conv(place: int, **how: int) -> Tensor:
        return F.conv2d(x, file[f"features.{place}.weight"], file[f"features.{place}.bias"], **how).clamp(
            min=0
        )

    found = []
    if name == "alex":
        x = conv(0, stride=4, padding=2)
        found.append(x)
        x = F.max_pool2d(x, 3, 2)
        x = conv(3, padding=2)
        found.append(x)
        x = F.max_pool2d(x, 3, 2)
        for place in (6, 8, 10):
            x = conv(place, padding=1)
            found.append(x)
        return found
    for stage in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)):
        x = F.max_pool2d(x, 2) if stage[0] else x
        for place in stage:
            x = conv(place, padding=1)
        found.append(x)
    return found


@pytest.mark.parametrize("name", ["alex", "vgg"])
def test_lpips_is_the_published_sum(name: lpips_network.Name, tmp_path: Path) -> None:
    backbone, heads, *paths = files(tmp_path, name)
    nets = lpips_network.pretrained(name, *paths)
    torch.manual_seed(1)
    one, other = torch.rand(2, 3, 37, 45) * 2 - 1, torch.rand(2, 3, 37, 45) * 2 - 1
    ours = torch.stack([part.mean(dim=(1, 2, 3)) for part in lpips_network.distances(nets, one, other)]).sum(
        dim=0
    )
    theirs = torch.zeros(2)
    for n, (a, b) in enumerate(
        zip(plainly(name, backbone, one), plainly(name, backbone, other), strict=True)
    ):
        a, b = (f / (f.norm(dim=1, keepdim=True) + 1e-10) for f in (a, b))
        weight = heads[f"lin{n}.model.1.weight"].reshape(1, -1, 1, 1)
        theirs += (weight * (a - b) ** 2).sum(dim=1).mean(dim=(1, 2))
    assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-4)
    assert all(float(part.abs().max()) == 0 for part in lpips_network.distances(nets, one, one))


@pytest.mark.parametrize(
    ("name", "features", "whole"), [("alex", 2_469_696, 61_100_840), ("vgg", 14_714_688, 138_357_544)]
)
def test_the_backbones_are_as_large_as_published(name: lpips_network.Name, features: int, whole: int) -> None:
    backbone, heads = lpips_network.pretrained(name, None, None)
    assert backbone.count() == features
    assert features + sum(out * (before + 1) for out, before in CLASSIFIER[name]) == whole
    assert heads.count() == sum(CHANNELS[name])


@pytest.mark.parametrize("name", ["alex", "vgg"])
def test_the_least_side_is_the_least(name: lpips_network.Name) -> None:
    side = lpips_network.LAYOUTS[name].least_side
    with torch.device("meta"):
        backbone = lpips_network.Backbone(name)
        assert min(backbone(torch.empty(1, 3, side, side))[4].shape[2:]) == 1
        with pytest.raises(RuntimeError):
            backbone(torch.empty(1, 3, side - 1, side))


def test_files_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    *_, backbone, heads = files(tmp_path, "alex")
    picture = torch.zeros(1, 3, 33, 33)
    with pytest.raises(IntegrityError) as other:
        lpips_network.pretrained("vgg", backbone, heads)[0](picture)
    with pytest.raises(IntegrityError) as swapped:
        lpips_network.pretrained("alex", heads, backbone)[0](picture)
    assert other.value.code == swapped.value.code == "E502"
    with pytest.raises(InputError) as gone:
        lpips_network.pretrained("alex", backbone + "x", heads)[0].check()
    assert gone.value.code == "E100"


@pytest.mark.parametrize(
    ("name", "parts"),
    [("alex", ("alexnet-owt", "lpips=FILE")), ("vgg", ("vgg16-397923af", "lpips_vgg=FILE"))],
)
def test_without_weights_the_message_says_which_file(
    name: lpips_network.Name, parts: tuple[str, ...]
) -> None:
    backbone, heads = lpips_network.pretrained(name, None, None)
    with pytest.raises(UsageError) as refused:
        backbone.check()
    assert refused.value.code == "E004"
    assert all(part in refused.value.remedy for part in parts)
    with pytest.raises(UsageError) as headless:
        heads.check()
    assert f"{name}.pth of https://github.com/richzhang" in headless.value.remedy
    assert f"{lpips_network.SETTINGS[name]}_heads=FILE" in headless.value.remedy


def test_random_weights_are_seeded_and_say_so() -> None:
    digests: list[Any] = [
        [net.digest() for net in lpips_network.pretrained("alex", "random", "random")] for _ in range(2)
    ]
    assert digests[0] == digests[1]
    assert all(one.startswith("random:") for one in digests[0])
