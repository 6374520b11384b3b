"""What published files hold, stated by their names and shapes, goes where the papers' own code has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor, nn

from transmodal.errors import IntegrityError
from transmodal.nets import weight_maps
from transmodal.nets.pretrained import PretrainedWeights, WeightFile
from transmodal.nets.swin import Block, Merge
from transmodal.nets.vit import MapTransformer, Positions
from transmodal.nets.weight_maps import WeightMap
from transmodal.translators.ddcolor.convnext import ConvNeXt

Shapes = dict[str, tuple[int, ...]]


class Files(Protocol):
    """What the published files hold, by name."""

    r50_vit: Callable[..., Shapes]
    swin: Callable[..., Shapes]
    glh: Callable[..., Shapes]
    convnext: Callable[..., Shapes]
    vgg16: Callable[..., Shapes]


ANY = WeightFile("file", "somewhere", "MIT")


def drawn(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Return tensors of these shapes; whole numbers where the file has an index."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.zeros(shape, dtype=torch.int64)
        if name.endswith("index")
        else 0.3 * torch.randn(shape, generator=generator)
        for name, shape in shapes.items()
    }


def filled(net: nn.Module, choice: WeightMap, content: Mapping[str, Tensor], folder: Path) -> None:
    """Fill a network through a file."""
    path = folder / "weights.npz"
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in content.items()}
    np.savez(path, **arrays)
    PretrainedWeights(net, str(path), ANY, *choice).load()


def test_the_vision_transformer_is_the_published_one(files: Files, tmp_path: Path) -> None:
    shapes = files.r50_vit(channels=8, heads=2, depth=2, grid=3, width=1, blocks=())
    p, net = drawn(shapes), MapTransformer(8, 2, 2)
    choice = WeightMap(
        weight_maps.vit_layers("", 2),
        (*weight_maps.VIT_HEAD, *weight_maps.VIT_RESNET, "embedding/.*", ".*pos_embedding"),
    )
    filled(net, choice, p, tmp_path)
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
    p = drawn({name: shape for name, shape in files.r50_vit(8, 2, 0, 3, 1, ()).items() if "emb" in name})
    net = nn.ModuleDict({"embed": nn.Conv2d(16, 8, 1), "positions": Positions(8, side)})
    filled(net, WeightMap(weight_maps.vit_tokens("embed.", "positions.", side), ()), p, tmp_path)
    grid = p["Transformer/posembed_input/pos_embedding"][0, 1:].view(3, 3, 8)
    wanted = ndimage.zoom(grid.numpy(), (side / 3, side / 3, 1), order=1)
    table = net["positions"].get_parameter("table")
    assert np.allclose(table.detach()[0].permute(1, 2, 0).numpy(), wanted, atol=1e-6)
    x = torch.randn(1, 16, 2, 2)
    kernel = p["embedding/kernel"][0, 0]
    tokens = x.flatten(2).mT @ kernel + p["embedding/bias"]
    assert torch.allclose(net["embed"](x).flatten(2).mT, tokens, atol=1e-5)


@pytest.mark.parametrize("pooled", [0, 2])
def test_a_block_of_swin_is_the_published_one(pooled: int, files: Files, tmp_path: Path) -> None:
    """In one window; with the means of the whole map it is one of ColorFormer."""
    source = files.glh if pooled else files.swin
    p = drawn(source(width=8, depths=(1,), heads=(2,), window=3))
    stage = nn.Sequential(Block(8, 2, 3, 0, pooled))
    net = nn.ModuleDict({"stages" if pooled else "down": nn.ModuleList([stage])})
    if pooled:
        tensors, ignored = weight_maps.glh_transformer("", (1,), (pooled,), chooses=False)
    else:
        tensors, ignored = weight_maps.swin_unet((1,), 3)
    maps = [tensor for tensor in tensors if tensor.target.startswith(("stages.", "down."))]
    filled(net, WeightMap(maps, (*ignored, "patch_embed.*", "norm.*")), p, tmp_path)
    x = torch.randn(2, 3, 3, 8)
    made = stage(x)
    assert torch.allclose(made, _swin_block(p, "layers.0.blocks.0.", x, pooled), atol=1e-5)


def _swin_block(p: Mapping[str, Tensor], name: str, x: Tensor, pooled: int) -> Tensor:
    """Return what a block of 2 heads makes of a map that is one window."""
    n, side, _, channels = x.shape
    y = F.layer_norm(x, (channels,), p[f"{name}norm1.weight"], p[f"{name}norm1.bias"])
    tokens = y.reshape(n, -1, channels)
    both = F.linear(tokens, p[f"{name}attn.qkv.weight"], p[f"{name}attn.qkv.bias"])
    query, key, value = (one.view(n, -1, 2, channels // 2).transpose(1, 2) for one in both.chunk(3, dim=2))
    table = p[f"{name}attn.relative_position_bias_table"]
    places = [(row, column) for row in range(side) for column in range(side)]
    bias = torch.stack(
        [
            torch.stack(
                [table[(a[0] - b[0] + side - 1) * (2 * side - 1) + a[1] - b[1] + side - 1] for b in places]
            )
            for a in places
        ]
    ).permute(2, 0, 1)
    if pooled:
        means = F.adaptive_avg_pool2d(y.permute(0, 3, 1, 2), pooled).flatten(2).mT
        means = F.layer_norm(means, (channels,), p[f"{name}attn.norm.weight"], p[f"{name}attn.norm.bias"])
        more = F.linear(means, p[f"{name}attn.kv.weight"], p[f"{name}attn.kv.bias"]).chunk(2, dim=2)
        keys, values = (one.view(n, -1, 2, channels // 2).transpose(1, 2) for one in more)
        key, value = torch.cat([key, keys], dim=2), torch.cat([value, values], dim=2)
        bias = F.pad(bias, (0, pooled**2))
    shares = (query @ key.mT * query.shape[-1] ** -0.5 + bias).softmax(-1)
    seen = (shares @ value).transpose(1, 2).flatten(2)
    seen = F.linear(seen, p[f"{name}attn.proj.weight"], p[f"{name}attn.proj.bias"])
    x = x + seen.view_as(x)
    y = F.layer_norm(x, (channels,), p[f"{name}norm2.weight"], p[f"{name}norm2.bias"])
    y = F.gelu(F.linear(y, p[f"{name}mlp.fc1.weight"], p[f"{name}mlp.fc1.bias"]))
    return x + F.linear(y, p[f"{name}mlp.fc2.weight"], p[f"{name}mlp.fc2.bias"])


def test_merging_takes_its_four_neighbours_in_the_published_order(files: Files, tmp_path: Path) -> None:
    shapes = files.swin(width=4, depths=(1, 1), heads=(1, 1), window=3)
    p = drawn({name: shape for name, shape in shapes.items() if "downsample" in name})
    merge = Merge(4)
    net = nn.ModuleDict({"merges": nn.ModuleList([merge])})
    tensors = [
        tensor for tensor in weight_maps.swin_unet((1, 1), 3).tensors if tensor.target.startswith("merges")
    ]
    filled(net, WeightMap(tensors, ()), p, tmp_path)
    x = torch.randn(1, 4, 6, 4)
    parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
    name = "layers.0.downsample."
    wanted = F.layer_norm(torch.cat(parts, -1), (16,), p[f"{name}norm.weight"], p[f"{name}norm.bias"])
    assert torch.allclose(merge(x), F.linear(wanted, p[f"{name}reduction.weight"]), atol=1e-5)


def test_biases_of_other_windows_are_bicubic(files: Files, tmp_path: Path) -> None:
    p = drawn(files.swin(width=4, depths=(1,), heads=(2,), window=3))
    net = nn.ModuleDict({"down": nn.ModuleList([nn.Sequential(Block(4, 2, 4, 0))])})
    tensors, ignored = weight_maps.swin_unet((1,), 4)
    maps = [tensor for tensor in tensors if tensor.target.startswith("down.")]
    filled(net, WeightMap(maps, (*ignored, "patch_embed.*", "norm.*")), p, tmp_path)
    table = p["layers.0.blocks.0.attn.relative_position_bias_table"].view(5, 5, 2)
    weights = _cubic(5, 7)
    wanted = torch.einsum("ai,bj,ijh->abh", weights, weights, table)
    bias = net.get_parameter("down.0.0.attention.bias").detach()
    assert torch.allclose(bias.view(7, 7, 2), wanted, atol=1e-5)


def _cubic(before: int, after: int, a: float = -0.75) -> Tensor:
    """Return Keys' cubic convolution (1981) from `before` to `after` samples, edges repeated."""
    weights = torch.zeros(after, before)
    for n in range(after):
        centre = (n + 0.5) * before / after - 0.5
        first = int(np.floor(centre)) - 1
        for place in range(first, first + 4):
            t = abs(centre - place)
            near = (a + 2) * t**3 - (a + 3) * t**2 + 1
            far = a * (t**3 - 5 * t**2 + 8 * t - 4)
            weights[n, min(max(place, 0), before - 1)] += near if t <= 1 else far
    return weights


def test_convnext_is_the_published_one(files: Files, tmp_path: Path) -> None:
    depths = (1, 2, 1, 1)
    p, net = drawn(files.convnext(4, depths)), ConvNeXt(3, 4, depths)
    filled(net, weight_maps.convnext("", depths), p, tmp_path)
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


def test_names_that_other_sizes_have_are_refused(files: Files, tmp_path: Path) -> None:
    """Twelve layers do not fill six: nothing is left out in silence."""
    p = drawn(files.r50_vit(channels=8, heads=2, depth=3, grid=3, width=1, blocks=()))
    choice = WeightMap(
        weight_maps.vit_layers("", 2),
        (*weight_maps.VIT_HEAD, *weight_maps.VIT_RESNET, "embedding/.*", ".*pos_embedding"),
    )
    with pytest.raises(IntegrityError, match="not known such as Transformer/encoderblock_2/"):
        filled(MapTransformer(8, 2, 2), choice, p, tmp_path)


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
