"""What the published files of convolutional networks hold goes where the papers' own code has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets import weight_maps
from transmodal.nets.weight_maps import WeightMap
from transmodal.translators.ddcolor.convnext import ConvNeXt

Shapes = dict[str, tuple[int, ...]]


class Files(Protocol):
    """What the published files hold, by name."""

    convnext: Callable[..., Shapes]
    drawn: Callable[[Shapes], dict[str, Tensor]]
    fill: Callable[[nn.Module, WeightMap, Mapping[str, Tensor], Path], None]


def test_convnext_is_the_published_one(files: Files, tmp_path: Path) -> None:
    depths = (1, 2, 1, 1)
    p, net = files.drawn(files.convnext(4, depths)), ConvNeXt(3, 4, depths)
    files.fill(net, weight_maps.convnext("", depths), p, tmp_path)
    x = torch.randn(2, 3, 32, 64)
    for made, (n, depth) in zip(net(x), enumerate(depths), strict=True):
        name = f"downsample_layers.{n}."
        if n == 0:
            x = F.conv2d(x, p[f"{name}0.weight"], p[f"{name}0.bias"], 4)
            x = _pixels(x, p[f"{name}1.weight"], p[f"{name}1.bias"])
        else:
            x = _pixels(x, p[f"{name}0.weight"], p[f"{name}0.bias"])
            x = F.conv2d(x, p[f"{name}1.weight"], p[f"{name}1.bias"], 2)
        for block in range(depth):
            x = x + _convnext_block(p, f"stages.{n}.{block}.", x)
        new = torch.ones(x.shape[1]), torch.zeros(x.shape[1])
        assert torch.allclose(made, _pixels(x, *new), atol=1e-3)


def _convnext_block(p: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    y = F.conv2d(x, p[f"{name}dwconv.weight"], p[f"{name}dwconv.bias"], padding=3, groups=x.shape[1])
    y = _pixels(y, p[f"{name}norm.weight"], p[f"{name}norm.bias"])
    y = F.conv2d(y, p[f"{name}pwconv1.weight"][:, :, None, None], p[f"{name}pwconv1.bias"])
    y = F.conv2d(F.gelu(y), p[f"{name}pwconv2.weight"][:, :, None, None], p[f"{name}pwconv2.bias"])
    return p[f"{name}gamma"][:, None, None] * y


def _pixels(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    apart = x - x.mean(1, keepdim=True)
    return (
        apart / (apart.square().mean(1, keepdim=True) + 1e-6).sqrt() * weight[:, None, None]
        + bias[:, None, None]
    )


@pytest.mark.parametrize(
    ("width", "depths", "file"),
    [
        (96, (3, 3, 9, 3), "convnext_tiny_22k_224.pth"),
        (96, (3, 3, 27, 3), "convnext_small_22k_224.pth"),
        (128, (3, 3, 27, 3), "convnext_base_22k_224.pth"),
        (192, (3, 3, 27, 3), "convnext_large_22k_224.pth"),
    ],
)
def test_the_file_of_a_size_of_convnext_is_named(width: int, depths: tuple[int, ...], file: str) -> None:
    assert weight_maps.convnext_file(width, depths).file == file
