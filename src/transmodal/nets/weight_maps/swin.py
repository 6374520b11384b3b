"""Swin-T, and the Swin transformer of ColorFormer, which sees means of the whole map beside its windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from transmodal.nets.pretrained import TensorMap, WeightFile, identity
from transmodal.nets.weight_maps._parts import WeightMap, square, weight_and_bias

SWIN_T = WeightFile(
    "swin_tiny_patch4_window7_224.pth",
    "https://github.com/SwinTransformer/storage/releases/download/v1.0.0",
    "MIT",
)

GLH = WeightFile(
    "GLH.pth",
    "https://github.com/jixiaozhong/ColorFormer",
    "BSD-3-Clause for the code; none stated for the weights",
)


def swin_unet(depths: Sequence[int], window: int) -> WeightMap:
    """Return Swin-T for Swin-Unet: the way down, and the same blocks once more on the way up.

    Where a stage of ours has fewer blocks than the file's, the first ones are taken.

    Args:
        depths: blocks of each of our stages.
        window: side of our windows; the file's biases are interpolated to it.
    """
    last = len(depths) - 1
    tensors = [
        *weight_and_bias("embed.", "patch_embed.proj."),
        *weight_and_bias("embed_norm.", "patch_embed.norm."),
    ]
    for n, depth in enumerate(depths):
        places = [f"down.{n}."] if n == last else [f"down.{n}.", f"up.{n}."]
        for place in places:
            for block in range(depth):
                tensors += _swin_block(f"{place}{block}.", f"layers.{n}.blocks.{block}.", window)
        tensors += _swin_merge(n) if n < last else []
    deeper = [rf"layers\.{n}\.blocks\.({_numbers_from(depth)})\..*" for n, depth in enumerate(depths)]
    return WeightMap(
        [*tensors, *weight_and_bias("bottom_norm.", "norm.")], (*_SWIN_TABLES, *deeper, r"head\..*")
    )


def glh_transformer(prefix: str, depths: Sequence[int], pooled: Sequence[int], *, chooses: bool) -> WeightMap:
    """Return ColorFormer's encoder, a Swin transformer whose every second block also sees the map's means.

    Args:
        prefix: of the encoder.
        depths: blocks of each stage.
        pooled: side of the means, in each stage; 0 where they are left out.
        chooses: whether it has the shares of the whole image.
    """
    tensors = [
        *weight_and_bias(f"{prefix}embed.", "patch_embed.proj."),
        *weight_and_bias(f"{prefix}embed_norm.", "patch_embed.norm."),
    ]
    ignored = list(_SWIN_TABLES)
    for n, depth in enumerate(depths):
        for block in range(depth):
            target, source = f"{prefix}stages.{n}.{block}.", f"layers.{n}.blocks.{block}."
            tensors += _swin_block(target, source)
            if block % 2 == 0 and pooled[n]:
                tensors += weight_and_bias(f"{target}attention.pooled_norm.", f"{source}attn.norm.")
                tensors += weight_and_bias(f"{target}attention.pooled_kv.", f"{source}attn.kv.")
        tensors += _swin_merge(n, prefix) if n < len(depths) - 1 else []
        tensors += weight_and_bias(f"{prefix}norms.{n}.", f"norm{n}.")
        ignored += [] if pooled[n] else [rf"layers\.{n}\.blocks\.\d+\.attn\.(norm|kv)\..*"]
    if chooses:
        tensors += [
            *weight_and_bias(f"{prefix}choice.0.", "norm_cls."),
            *weight_and_bias(f"{prefix}choice.1.", "head_cls."),
        ]
    else:
        ignored += [r"norm_cls\..*", r"head_cls\..*"]
    return WeightMap(tensors, tuple(ignored))


_SWIN_TABLES = (r".*\.attn\.relative_position_index", r".*\.attn_mask")
"""Tables that follow from the window."""


def _swin_block(target: str, source: str, window: int | None = None) -> Iterator[TensorMap]:
    convert = identity if window is None else partial(_biases, window=window)
    yield from weight_and_bias(f"{target}norm1.", f"{source}norm1.")
    yield TensorMap(f"{target}attention.bias", (f"{source}attn.relative_position_bias_table",), convert)
    yield from weight_and_bias(f"{target}attention.qkv.", f"{source}attn.qkv.")
    yield from weight_and_bias(f"{target}attention.out.", f"{source}attn.proj.")
    yield from weight_and_bias(f"{target}norm2.", f"{source}norm2.")
    yield from weight_and_bias(f"{target}perceptron.0.", f"{source}mlp.fc1.")
    yield from weight_and_bias(f"{target}perceptron.2.", f"{source}mlp.fc2.")


def _swin_merge(n: int, prefix: str = "") -> list[TensorMap]:
    target, source = f"{prefix}merges.{n}.", f"layers.{n}.downsample."
    return [
        *weight_and_bias(f"{target}norm.", f"{source}norm."),
        TensorMap(f"{target}linear.weight", (f"{source}reduction.weight",)),
    ]


def _numbers_from(first: int) -> str:
    """Return a pattern of the whole numbers from `first` to 99."""
    return "|".join(str(n) for n in range(first, 100))


def _biases(table: Tensor, window: int) -> Tensor:
    """Return `((2 window - 1) ** 2, heads)` of another window's; bicubic, as Swin's own code resizes them."""
    grid = square(table)
    side = 2 * window - 1
    if grid.shape[-1] == side:
        return table
    return F.interpolate(grid, (side, side), mode="bicubic", align_corners=False)[0].flatten(1).t()
