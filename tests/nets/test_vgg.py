"""VGG-19 against plain layers, and the files that it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.nets.vgg import Layout, Vgg19, pretrained_vgg

# Names and shapes of the two published files up to relu5_1, written down by hand.
SHAPES = [
    (64, 3),
    (64, 64),
    (128, 64),
    (128, 128),
    (256, 128),
    *[(256, 256)] * 3,
    (512, 256),
    *[(512, 512)] * 4,
]
PLACES: dict[Layout, list[int]] = {
    "torchvision": [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28],
    "adain": [2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42],
}
TAPPED: dict[Layout, list[int]] = {"torchvision": [1, 6, 11, 20, 29], "adain": [3, 10, 17, 30, 43]}


def published(layout: Layout) -> dict[str, Tensor]:
    torch.manual_seed(8)
    prefix = "features." if layout == "torchvision" else ""
    found = {}
    for place, (after, before) in zip(PLACES[layout], SHAPES, strict=True):
        found[f"{prefix}{place}.weight"] = torch.randn(after, before, 3, 3) / (9 * before) ** 0.5
        found[f"{prefix}{place}.bias"] = torch.randn(after) / 10
    if layout == "adain":
        found["0.weight"], found["0.bias"] = torch.randn(3, 3, 1, 1), torch.randn(3)
        found["45.weight"] = torch.zeros(1)  # the file goes on
    else:
        found["features.30.weight"] = torch.zeros(1)
        found["classifier.0.weight"] = torch.zeros(1)
    return found


def plainly(layout: Layout, file: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """Return the outputs of every layer of the published Sequential, stated without the module."""
    reflects = layout == "adain"
    prefix, x, found = "" if reflects else "features.", images, []
    if not reflects:
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        x = (x - mean[:, None, None]) / deviation[:, None, None]
    for n in range(TAPPED[layout][-1] + 1):
        pools = n in ((4, 9, 18, 27) if not reflects else (7, 14, 27, 40))
        if f"{prefix}{n}.weight" in file:
            weight, bias = file[f"{prefix}{n}.weight"], file[f"{prefix}{n}.bias"]
            x = nn.functional.conv2d(x, weight, bias, padding=0 if reflects else 1)
        elif pools:
            x = nn.functional.max_pool2d(x, 2, ceil_mode=reflects)
        elif reflects and f"{n + 1}.weight" in file:
            x = nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
        else:
            x = x.clamp(min=0)
        found.append(x)
    return found


@pytest.fixture(params=["torchvision", "adain"])
def layout(request: pytest.FixtureRequest) -> Layout:
    found: Layout = request.param
    return found


def test_features_are_those_of_the_published_layers(layout: Layout, tmp_path: Path) -> None:
    file, path = published(layout), tmp_path / "vgg.pth"
    torch.save(file, path)
    images = torch.rand(2, 3, 36, 44)
    layers = plainly(layout, file, images)
    got = pretrained_vgg(str(path), layout, "relu", "")(images)
    for one, n in zip(got, TAPPED[layout], strict=True):
        torch.testing.assert_close(one, layers[n], rtol=1e-4, atol=1e-5)
    early = pretrained_vgg(str(path), layout, "early_code", "")(images)
    tapped = [n - 1 for n in TAPPED[layout][:4]] + [TAPPED[layout][3]]
    for one, n in zip(early, tapped, strict=True):
        torch.testing.assert_close(one, layers[n], rtol=1e-4, atol=1e-5)
    assert early[0].min() < 0 <= got[0].min()


def test_safetensors_and_torch_files_are_the_same_weights(tmp_path: Path) -> None:
    file = published("torchvision")
    torch.save(file, tmp_path / "vgg.pth")
    safetensors.torch.save_file(file, tmp_path / "vgg.safetensors")
    nets = [
        pretrained_vgg(str(tmp_path / name), "torchvision", "relu", "")
        for name in ("vgg.pth", "vgg.safetensors")
    ]
    assert nets[0].digest() == nets[1].digest()
    assert nets[0].count() == 12_944_960


@pytest.mark.parametrize("spoil", ["missing", "strange", "shape", "layout"])
def test_other_files_are_refused(spoil: str, tmp_path: Path) -> None:
    file: dict[str, Any] = published("adain" if spoil == "layout" else "torchvision")
    if spoil == "missing":
        del file["features.28.bias"]
    if spoil == "strange":
        file["features.3.weight"] = torch.zeros(1)
    if spoil == "shape":
        file["features.28.bias"] = torch.zeros(3)
    torch.save(file, tmp_path / "vgg.pth")
    with pytest.raises(IntegrityError, match="another architecture"):
        pretrained_vgg(str(tmp_path / "vgg.pth"), "torchvision", "relu", "").digest()


def test_missing_weights_say_where_they_are_published() -> None:
    with pytest.raises(UsageError, match=r"vgg19-dcbf9e07\.pth.*or settings\.x=0") as none:
        pretrained_vgg(None, "torchvision", "relu", "or settings.x=0").check()
    assert none.value.code == "E004"
    with pytest.raises(InputError, match=r"vgg_normalised\.pth") as absent:
        pretrained_vgg("/nowhere/vgg.pth", "adain", "relu", "").check()
    assert absent.value.code == "E100"


def test_random_weights_are_seeded_and_called_so() -> None:
    one, other = (pretrained_vgg("random", "torchvision", "relu", "") for _ in range(2))
    torch.manual_seed(1)
    digest = one.digest()
    torch.manual_seed(2)
    assert other.digest() == digest
    assert digest.startswith("random:")
    spread = [features.std().item() for features in one(torch.rand(1, 3, 32, 32))]
    assert min(spread) > 0.1 * max(spread)  # no stage fades away


def test_grey_is_repeated_and_other_channels_are_images_of_their_own() -> None:
    net = pretrained_vgg("random", "torchvision", "relu", "")
    grey = torch.rand(2, 2, 32, 32, generator=torch.Generator().manual_seed(0))
    got = net(grey)
    for n in range(2):
        for c in range(2):
            colour = net(grey[n : n + 1, c : c + 1].repeat(1, 3, 1, 1))
            torch.testing.assert_close(got[4][2 * n + c], colour[4][0], rtol=1e-4, atol=1e-4)


def test_shapes_and_least_side(layout: Layout) -> None:
    with shapes_alone():
        net = Vgg19(layout)
        side = net.least_side
        shapes = [tuple(one.shape) for one in net(torch.empty(1, 3, side, side))]
    assert shapes == [(1, c, side >> n, side >> n) for n, c in enumerate((64, 128, 256, 512, 512))]
    with pytest.raises(RuntimeError):
        Vgg19(layout)(torch.zeros(1, 3, side // 2, side // 2))
