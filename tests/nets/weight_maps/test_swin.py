"""What the published files of Swin transformers hold goes where the papers' own code has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets import weight_maps
from transmodal.nets.swin import Block, Merge, WindowAttention
from transmodal.nets.weight_maps import WeightMap

Shapes = dict[str, tuple[int, ...]]


class Files(Protocol):
    """What the published files hold, by name."""

    swin: Callable[..., Shapes]
    glh: Callable[..., Shapes]
    drawn: Callable[[Shapes], dict[str, Tensor]]
    fill: Callable[[nn.Module, WeightMap, Mapping[str, Tensor], Path], None]


@pytest.mark.parametrize("pooled", [0, 2])
def test_a_block_of_swin_is_the_published_one(pooled: int, files: Files, tmp_path: Path) -> None:
    """In one window; with the means of the whole map it is one of ColorFormer."""
    source = files.glh if pooled else files.swin
    p = files.drawn(source(width=8, depths=(1,), heads=(2,), window=3))
    stage = nn.Sequential(Block(8, WindowAttention(8, 2, 3, 0, pooled)))
    net = nn.ModuleDict({"stages" if pooled else "down": nn.ModuleList([stage])})
    if pooled:
        tensors, ignored = weight_maps.glh_transformer("", (1,), (pooled,), chooses=False)
    else:
        tensors, ignored = weight_maps.swin_unet((1,), 3)
    maps = [tensor for tensor in tensors if tensor.target.startswith(("stages.", "down."))]
    files.fill(net, WeightMap(maps, (*ignored, "patch_embed.*", "norm.*")), p, tmp_path)
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
    p = files.drawn({name: shape for name, shape in shapes.items() if "downsample" in name})
    merge = Merge(4)
    net = nn.ModuleDict({"merges": nn.ModuleList([merge])})
    tensors = [
        tensor for tensor in weight_maps.swin_unet((1, 1), 3).tensors if tensor.target.startswith("merges")
    ]
    files.fill(net, WeightMap(tensors, ()), p, tmp_path)
    x = torch.randn(1, 4, 6, 4)
    parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
    name = "layers.0.downsample."
    wanted = F.layer_norm(torch.cat(parts, -1), (16,), p[f"{name}norm.weight"], p[f"{name}norm.bias"])
    assert torch.allclose(merge(x), F.linear(wanted, p[f"{name}reduction.weight"]), atol=1e-5)


def test_biases_of_other_windows_are_bicubic(files: Files, tmp_path: Path) -> None:
    p = files.drawn(files.swin(width=4, depths=(1,), heads=(2,), window=3))
    net = nn.ModuleDict({"down": nn.ModuleList([nn.Sequential(Block(4, WindowAttention(4, 2, 4, 0)))])})
    tensors, ignored = weight_maps.swin_unet((1,), 4)
    maps = [tensor for tensor in tensors if tensor.target.startswith("down.")]
    files.fill(net, WeightMap(maps, (*ignored, "patch_embed.*", "norm.*")), p, tmp_path)
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
