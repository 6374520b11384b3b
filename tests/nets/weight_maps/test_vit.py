"""What the published files of vision transformers hold goes where the papers' own code has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor, nn

from transmodal.errors import IntegrityError
from transmodal.nets import weight_maps
from transmodal.nets.vit import MapTransformer, Positions
from transmodal.nets.weight_maps import WeightMap

Shapes = dict[str, tuple[int, ...]]


class Files(Protocol):
    """What the published files hold, by name."""

    r50_vit: Callable[..., Shapes]
    drawn: Callable[[Shapes], dict[str, Tensor]]
    fill: Callable[[nn.Module, WeightMap, Mapping[str, Tensor], Path], None]


def test_the_vision_transformer_is_the_published_one(files: Files, tmp_path: Path) -> None:
    shapes = files.r50_vit(channels=8, heads=2, depth=2, grid=3, width=1, blocks=())
    p, net = files.drawn(shapes), MapTransformer(8, 2, 2)
    choice = WeightMap(
        weight_maps.vit_layers("", 2),
        (*weight_maps.VIT_HEAD, *weight_maps.VIT_RESNET, "embedding/.*", ".*pos_embedding"),
    )
    files.fill(net, choice, p, tmp_path)
    x = torch.randn(2, 8, 3, 2)
    tokens = x.flatten(2).transpose(1, 2)
    for n in range(2):
        tokens = _vit_block(p, f"Transformer/encoderblock_{n}/", tokens)
    wanted = _norm(p, "Transformer/encoder_norm/", tokens).transpose(1, 2).view_as(x)
    assert torch.allclose(net(x), wanted, atol=2e-4)


def _vit_block(p: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    y = _norm(p, f"{name}LayerNorm_0/", x)
    query, key, value = (
        torch.einsum("bnc,chd->bhnd", y, p[f"{name}MultiHeadDotProductAttention_1/{part}/kernel"])
        + p[f"{name}MultiHeadDotProductAttention_1/{part}/bias"][:, None]
        for part in ("query", "key", "value")
    )
    shares = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)
    out = f"{name}MultiHeadDotProductAttention_1/out/"
    x = x + torch.einsum("bhnd,hdc->bnc", shares @ value, p[f"{out}kernel"]) + p[f"{out}bias"]
    y = _norm(p, f"{name}LayerNorm_2/", x)
    y = F.gelu(y @ p[f"{name}MlpBlock_3/Dense_0/kernel"] + p[f"{name}MlpBlock_3/Dense_0/bias"])
    return x + y @ p[f"{name}MlpBlock_3/Dense_1/kernel"] + p[f"{name}MlpBlock_3/Dense_1/bias"]


def _norm(p: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], p[f"{name}scale"], p[f"{name}bias"], 1e-6)


@pytest.mark.parametrize("side", [3, 5])
def test_positions_are_brought_to_another_size_between_the_corners(
    side: int, files: Files, tmp_path: Path
) -> None:
    p = files.drawn(
        {name: shape for name, shape in files.r50_vit(8, 2, 0, 3, 1, ()).items() if "emb" in name}
    )
    net = nn.ModuleDict({"embed": nn.Conv2d(16, 8, 1), "positions": Positions(8, side)})
    files.fill(net, WeightMap(weight_maps.vit_tokens("embed.", "positions.", side), ()), p, tmp_path)
    grid = p["Transformer/posembed_input/pos_embedding"][0, 1:].view(3, 3, 8)
    wanted = ndimage.zoom(grid.numpy(), (side / 3, side / 3, 1), order=1)
    table = net["positions"].get_parameter("table")
    assert np.allclose(table.detach()[0].permute(1, 2, 0).numpy(), wanted, atol=1e-6)
    x = torch.randn(1, 16, 2, 2)
    kernel = p["embedding/kernel"][0, 0]
    tokens = x.flatten(2).mT @ kernel + p["embedding/bias"]
    assert torch.allclose(net["embed"](x).flatten(2).mT, tokens, atol=1e-5)


def test_names_that_other_sizes_have_are_refused(files: Files, tmp_path: Path) -> None:
    """Twelve layers do not fill six: nothing is left out in silence."""
    p = files.drawn(files.r50_vit(channels=8, heads=2, depth=3, grid=3, width=1, blocks=()))
    choice = WeightMap(
        weight_maps.vit_layers("", 2),
        (*weight_maps.VIT_HEAD, *weight_maps.VIT_RESNET, "embedding/.*", ".*pos_embedding"),
    )
    with pytest.raises(IntegrityError, match="not known such as Transformer/encoderblock_2/"):
        files.fill(MapTransformer(8, 2, 2), choice, p, tmp_path)
