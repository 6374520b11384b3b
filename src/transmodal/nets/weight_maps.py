"""What the published files of weights hold, and where it goes in our networks.

The names and shapes are those of the files; which of them are taken, and how they are brought into another size, follows
the code that the papers' authors published. Each function returns what is taken for a module whose names begin with
`prefix`, and patterns of the names that are ignored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.nets.pretrained import TensorMap, WeightFile, identity

R50_VIT = WeightFile(
    "R50+ViT-B_16.npz",
    "https://storage.googleapis.com/vit_models/imagenet21k",
    "Apache-2.0",
)
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
VGG16 = WeightFile("vgg16-397923af.pth", "https://download.pytorch.org/models", "BSD-3-Clause")
_CONVNEXT_SIZES: dict[tuple[int, tuple[int, ...]], str] = {
    (96, (3, 3, 9, 3)): "tiny",
    (96, (3, 3, 27, 3)): "small",
    (128, (3, 3, 27, 3)): "base",
    (192, (3, 3, 27, 3)): "large",
}


class WeightMap(NamedTuple):
    """How tensors of a network are made of a file's, and patterns of names in the file that are not used.

    Attributes:
        tensors: one for each tensor that is filled.
        ignored: patterns of whole names.
    """

    tensors: list[TensorMap]
    ignored: tuple[str, ...]


def convnext_file(width: int, depths: Sequence[int]) -> WeightFile:
    """Return the file of ConvNeXt trained on ImageNet-22k that has this size; the tiny one's where none has."""
    size = _CONVNEXT_SIZES.get((width, tuple(depths)), "tiny")
    return WeightFile(f"convnext_{size}_22k_224.pth", "https://dl.fbaipublicfiles.com/convnext", "MIT")


def vit_tokens(embed: str, positions: str, side: int) -> list[TensorMap]:
    """Return the embedding and the positions of the hybrid vision transformer.

    Args:
        embed: prefix of a 1 x 1 convolution to tokens.
        positions: prefix of `nets.vit.Positions`.
        side: of the map of its positions; the file's are interpolated to it.
    """
    return [
        TensorMap(f"{embed}weight", ("embedding/kernel",), _convolution),
        TensorMap(f"{embed}bias", ("embedding/bias",)),
        TensorMap(
            f"{positions}table", ("Transformer/posembed_input/pos_embedding",), partial(_positions, side=side)
        ),
    ]


def vit_layers(prefix: str, depth: int) -> list[TensorMap]:
    """Return the layers of the hybrid vision transformer, for `nets.vit.MapTransformer`."""
    tensors = _norm(f"{prefix}layers.norm.", "Transformer/encoder_norm/")
    for n in range(depth):
        target, source = f"{prefix}layers.layers.{n}.", f"Transformer/encoderblock_{n}/"
        attention = f"{source}MultiHeadDotProductAttention_1/"
        parts = [f"{attention}{part}/" for part in ("query", "key", "value")]
        tensors += [
            *_norm(f"{target}norm1.", f"{source}LayerNorm_0/"),
            TensorMap(
                f"{target}self_attn.in_proj_weight", tuple(f"{part}kernel" for part in parts), _join_in
            ),
            TensorMap(f"{target}self_attn.in_proj_bias", tuple(f"{part}bias" for part in parts), _flatten),
            TensorMap(f"{target}self_attn.out_proj.weight", (f"{attention}out/kernel",), _join_out),
            TensorMap(f"{target}self_attn.out_proj.bias", (f"{attention}out/bias",)),
            *_norm(f"{target}norm2.", f"{source}LayerNorm_2/"),
            *_dense(f"{target}linear1.", f"{source}MlpBlock_3/Dense_0/"),
            *_dense(f"{target}linear2.", f"{source}MlpBlock_3/Dense_1/"),
        ]
    return tensors


def vit_resnet(prefix: str, blocks: Sequence[int]) -> list[TensorMap]:
    """Return the residual network under the hybrid vision transformer: weight standardisation, group norm.

    Args:
        prefix: of a network with `root` and `stages` of bottlenecks.
        blocks: of each stage.
    """
    tensors = [TensorMap(f"{prefix}root.0.weight", ("conv_root/kernel",), _convolution)]
    tensors += _group_norm(f"{prefix}root.1.", "gn_root/")
    for stage, count in enumerate(blocks):
        for unit in range(count):
            target, source = f"{prefix}stages.{stage}.{unit}.", f"block{stage + 1}/unit{unit + 1}/"
            layers = [(f"path.{3 * n}.", f"path.{3 * n + 1}.", str(n + 1)) for n in range(3)]
            # The first bottleneck of a stage changes the channels, and with them the shortcut.
            layers += [("shortcut.0.", "shortcut.1.", "_proj")] if unit == 0 else []
            for convolution, norm, name in layers:
                tensors.append(
                    TensorMap(f"{target}{convolution}weight", (f"{source}conv{name}/kernel",), _convolution)
                )
                tensors += _group_norm(f"{target}{norm}", f"{source}gn{name}/")
    return tensors


VIT_HEAD = ("cls", "head/.*", "pre_logits/.*")
"""The class token and the classifier of the hybrid vision transformer."""
VIT_LAYERS = "Transformer/encoder.*"
"""Its layers, and the norm behind them."""
VIT_RESNET = ("conv_root/.*", "gn_root/.*", r"block\d/.*")
"""Its residual network."""


def swin_unet(depths: Sequence[int], window: int) -> WeightMap:
    """Return Swin-T for Swin-Unet: the way down, and the same blocks once more on the way up.

    Where a stage of ours has fewer blocks than the file's, the first ones are taken.

    Args:
        depths: blocks of each of our stages.
        window: side of our windows; the file's biases are interpolated to it.
    """
    last = len(depths) - 1
    tensors = [
        *_weight_and_bias("embed.", "patch_embed.proj."),
        *_weight_and_bias("embed_norm.", "patch_embed.norm."),
    ]
    for n, depth in enumerate(depths):
        places = [f"down.{n}."] if n == last else [f"down.{n}.", f"up.{n}."]
        for place in places:
            for block in range(depth):
                tensors += _swin_block(f"{place}{block}.", f"layers.{n}.blocks.{block}.", window)
        tensors += _swin_merge(n) if n < last else []
    deeper = [rf"layers\.{n}\.blocks\.({_numbers_from(depth)})\..*" for n, depth in enumerate(depths)]
    return WeightMap(
        [*tensors, *_weight_and_bias("bottom_norm.", "norm.")], (*_SWIN_TABLES, *deeper, r"head\..*")
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
        *_weight_and_bias(f"{prefix}embed.", "patch_embed.proj."),
        *_weight_and_bias(f"{prefix}embed_norm.", "patch_embed.norm."),
    ]
    ignored = list(_SWIN_TABLES)
    for n, depth in enumerate(depths):
        for block in range(depth):
            target, source = f"{prefix}stages.{n}.{block}.", f"layers.{n}.blocks.{block}."
            tensors += _swin_block(target, source)
            if block % 2 == 0 and pooled[n]:
                tensors += _weight_and_bias(f"{target}attention.pooled_norm.", f"{source}attn.norm.")
                tensors += _weight_and_bias(f"{target}attention.pooled_kv.", f"{source}attn.kv.")
        tensors += _swin_merge(n, prefix) if n < len(depths) - 1 else []
        tensors += _weight_and_bias(f"{prefix}norms.{n}.", f"norm{n}.")
        ignored += [] if pooled[n] else [rf"layers\.{n}\.blocks\.\d+\.attn\.(norm|kv)\..*"]
    if chooses:
        tensors += [
            *_weight_and_bias(f"{prefix}choice.0.", "norm_cls."),
            *_weight_and_bias(f"{prefix}choice.1.", "head_cls."),
        ]
    else:
        ignored += [r"norm_cls\..*", r"head_cls\..*"]
    return WeightMap(tensors, tuple(ignored))


def convnext(prefix: str, depths: Sequence[int]) -> WeightMap:
    """Return ConvNeXt for `translators.ddcolor.convnext.ConvNeXt`; the norms of its four maps are not in the file and stay new."""
    tensors = []
    for n, depth in enumerate(depths):
        for part in (0, 1):
            tensors += _weight_and_bias(f"{prefix}shrink.{n}.{part}.", f"downsample_layers.{n}.{part}.")
        for block in range(depth):
            target, source = f"{prefix}stages.{n}.{block}.", f"stages.{n}.{block}."
            tensors += [
                TensorMap(f"{target}gamma", (f"{source}gamma",)),
                *_weight_and_bias(f"{target}depthwise.", f"{source}dwconv."),
                *_weight_and_bias(f"{target}norm.", f"{source}norm."),
                *_weight_and_bias(f"{target}perceptron.0.", f"{source}pwconv1."),
                *_weight_and_bias(f"{target}perceptron.2.", f"{source}pwconv2."),
            ]
    return WeightMap(tensors, (r"norm\..*", r"head\..*"))


def vgg16(prefix: str) -> WeightMap:
    """Return VGG-16 up to the fourth stage's last convolution, for the same layers in one sequence."""
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)
    tensors = [tensor for n in places for tensor in _weight_and_bias(f"{prefix}{n}.", f"features.{n}.")]
    return WeightMap(tensors, (r"features\.(24|26|28)\..*", r"classifier\..*"))


_SWIN_TABLES = (r".*\.attn\.relative_position_index", r".*\.attn_mask")
"""Tables that follow from the window."""


def _swin_block(target: str, source: str, window: int | None = None) -> Iterator[TensorMap]:
    convert = identity if window is None else partial(_biases, window=window)
    yield from _weight_and_bias(f"{target}norm1.", f"{source}norm1.")
    yield TensorMap(f"{target}attention.bias", (f"{source}attn.relative_position_bias_table",), convert)
    yield from _weight_and_bias(f"{target}attention.qkv.", f"{source}attn.qkv.")
    yield from _weight_and_bias(f"{target}attention.out.", f"{source}attn.proj.")
    yield from _weight_and_bias(f"{target}norm2.", f"{source}norm2.")
    yield from _weight_and_bias(f"{target}perceptron.0.", f"{source}mlp.fc1.")
    yield from _weight_and_bias(f"{target}perceptron.2.", f"{source}mlp.fc2.")


def _swin_merge(n: int, prefix: str = "") -> list[TensorMap]:
    target, source = f"{prefix}merges.{n}.", f"layers.{n}.downsample."
    return [
        *_weight_and_bias(f"{target}norm.", f"{source}norm."),
        TensorMap(f"{target}linear.weight", (f"{source}reduction.weight",)),
    ]


def _numbers_from(first: int) -> str:
    """Return a pattern of the whole numbers from `first` to 99."""
    return "|".join(str(n) for n in range(first, 100))


def _weight_and_bias(target: str, source: str) -> list[TensorMap]:
    return [TensorMap(f"{target}{part}", (f"{source}{part}",)) for part in ("weight", "bias")]


def _norm(target: str, source: str) -> list[TensorMap]:
    return [TensorMap(f"{target}weight", (f"{source}scale",)), TensorMap(f"{target}bias", (f"{source}bias",))]


def _group_norm(target: str, source: str) -> list[TensorMap]:
    """As `_norm`; group norm's numbers lie in four dimensions in the file."""
    return [tensor._replace(convert=_flatten) for tensor in _norm(target, source)]


def _dense(target: str, source: str) -> list[TensorMap]:
    return [
        TensorMap(f"{target}weight", (f"{source}kernel",), _transpose),
        TensorMap(f"{target}bias", (f"{source}bias",)),
    ]


def _convolution(kernel: Tensor) -> Tensor:
    """Return `(out, in, h, w)` of `(h, w, in, out)`."""
    return kernel.permute(3, 2, 0, 1)


def _transpose(kernel: Tensor) -> Tensor:
    return kernel.t()


def _flatten(*parts: Tensor) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def _join_in(*kernels: Tensor) -> Tensor:
    """Return `(3 C, C)` of the kernels `(C, heads, C / heads)` of query, key and value."""
    return torch.cat([kernel.flatten(1).t() for kernel in kernels])


def _join_out(kernel: Tensor) -> Tensor:
    """Return `(C, C)` of `(heads, C / heads, C)`."""
    return kernel.flatten(0, 1).t()


def _positions(table: Tensor, side: int) -> Tensor:
    """Return `(1, C, side, side)` of `(1, 1 + g * g, C)`, whose first vector is the class token's.

    Another size is reached by linear interpolation between the corners, as TransUNet and ResViT do it.
    """
    grid = _square(table[0, 1:])
    if grid.shape[-1] == side:
        return grid
    return F.interpolate(grid, (side, side), mode="bilinear", align_corners=True)


def _biases(table: Tensor, window: int) -> Tensor:
    """Return `((2 window - 1) ** 2, heads)` of another window's; bicubic, as Swin's own code resizes them."""
    grid = _square(table)
    side = 2 * window - 1
    if grid.shape[-1] == side:
        return table
    return F.interpolate(grid, (side, side), mode="bicubic", align_corners=False)[0].flatten(1).t()


def _square(rows: Tensor) -> Tensor:
    """Return `(1, C, g, g)` of `(g * g, C)`."""
    side = math.isqrt(len(rows))
    return rows.t().reshape(1, -1, side, side)
