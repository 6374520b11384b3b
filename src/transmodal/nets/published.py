"""What the published files of weights hold, and where it goes in our networks.

The names and shapes are those of the files; which of them are taken, and how they are brought into another size, follows
the code that the papers' authors published. Each function returns what is taken for a module whose names begin with
`prefix`, and patterns of what is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.nets.starting import Published, Taken, as_it_is

R50_VIT = Published(
    "R50+ViT-B_16.npz",
    "https://storage.googleapis.com/vit_models/imagenet21k",
    "Apache-2.0",
)
SWIN_T = Published(
    "swin_tiny_patch4_window7_224.pth",
    "https://github.com/SwinTransformer/storage/releases/download/v1.0.0",
    "MIT",
)
GLH = Published(
    "GLH.pth",
    "https://github.com/jixiaozhong/ColorFormer",
    "BSD-3-Clause for the code; none stated for the weights",
)
VGG16 = Published("vgg16-397923af.pth", "https://download.pytorch.org/models", "BSD-3-Clause")
_CONVNEXT_SIZES: dict[tuple[int, tuple[int, ...]], str] = {
    (96, (3, 3, 9, 3)): "tiny",
    (96, (3, 3, 27, 3)): "small",
    (128, (3, 3, 27, 3)): "base",
    (192, (3, 3, 27, 3)): "large",
}


class Choice(NamedTuple):
    """What is taken of a file, and patterns of what is left."""

    taken: list[Taken]
    left: tuple[str, ...]


def convnext_published(width: int, depths: Sequence[int]) -> Published:
    """Return the file of ConvNeXt trained on ImageNet-22k that has this size; the tiny one's where none has."""
    size = _CONVNEXT_SIZES.get((width, tuple(depths)), "tiny")
    return Published(f"convnext_{size}_22k_224.pth", "https://dl.fbaipublicfiles.com/convnext", "MIT")


def vit_tokens(embed: str, positions: str, side: int) -> list[Taken]:
    """Return the embedding and the positions of the hybrid vision transformer.

    Args:
        embed: prefix of a 1 x 1 convolution to tokens.
        positions: prefix of `nets.vit.Positions`.
        side: of the map of its positions; the file's are interpolated to it.
    """
    return [
        Taken(f"{embed}weight", ("embedding/kernel",), _convolution),
        Taken(f"{embed}bias", ("embedding/bias",)),
        Taken(
            f"{positions}table", ("Transformer/posembed_input/pos_embedding",), partial(_positions, side=side)
        ),
    ]


def vit_layers(prefix: str, depth: int) -> list[Taken]:
    """Return the layers of the hybrid vision transformer, for `nets.vit.MapTransformer`."""
    taken = _scaled(f"{prefix}layers.norm.", "Transformer/encoder_norm/")
    for n in range(depth):
        ours, theirs = f"{prefix}layers.layers.{n}.", f"Transformer/encoderblock_{n}/"
        attention = f"{theirs}MultiHeadDotProductAttention_1/"
        parts = [f"{attention}{part}/" for part in ("query", "key", "value")]
        taken += [
            *_scaled(f"{ours}norm1.", f"{theirs}LayerNorm_0/"),
            Taken(f"{ours}self_attn.in_proj_weight", tuple(f"{part}kernel" for part in parts), _joined_in),
            Taken(f"{ours}self_attn.in_proj_bias", tuple(f"{part}bias" for part in parts), _flat),
            Taken(f"{ours}self_attn.out_proj.weight", (f"{attention}out/kernel",), _joined_out),
            Taken(f"{ours}self_attn.out_proj.bias", (f"{attention}out/bias",)),
            *_scaled(f"{ours}norm2.", f"{theirs}LayerNorm_2/"),
            *_dense(f"{ours}linear1.", f"{theirs}MlpBlock_3/Dense_0/"),
            *_dense(f"{ours}linear2.", f"{theirs}MlpBlock_3/Dense_1/"),
        ]
    return taken


def vit_resnet(prefix: str, blocks: Sequence[int]) -> list[Taken]:
    """Return the residual network under the hybrid vision transformer: weight standardisation, group norm.

    Args:
        prefix: of a network with `root` and `stages` of bottlenecks.
        blocks: of each stage.
    """
    taken = [Taken(f"{prefix}root.0.weight", ("conv_root/kernel",), _convolution)]
    taken += _grouped(f"{prefix}root.1.", "gn_root/")
    for stage, count in enumerate(blocks):
        for unit in range(count):
            ours, theirs = f"{prefix}stages.{stage}.{unit}.", f"block{stage + 1}/unit{unit + 1}/"
            layers = [(f"path.{3 * n}.", f"path.{3 * n + 1}.", str(n + 1)) for n in range(3)]
            # The first bottleneck of a stage changes the channels, and with them the shortcut.
            layers += [("shortcut.0.", "shortcut.1.", "_proj")] if unit == 0 else []
            for convolution, norm, name in layers:
                taken.append(
                    Taken(f"{ours}{convolution}weight", (f"{theirs}conv{name}/kernel",), _convolution)
                )
                taken += _grouped(f"{ours}{norm}", f"{theirs}gn{name}/")
    return taken


VIT_HEAD = ("cls", "head/.*", "pre_logits/.*")
"""The class token and the classifier of the hybrid vision transformer."""
VIT_LAYERS = "Transformer/encoder.*"
"""Its layers, and the norm behind them."""
VIT_RESNET = ("conv_root/.*", "gn_root/.*", r"block\d/.*")
"""Its residual network."""


def swin_unet(depths: Sequence[int], window: int) -> Choice:
    """Return Swin-T for Swin-Unet: the way down, and the same blocks once more on the way up.

    Where a stage of ours has fewer blocks than the file's, the first ones are taken.

    Args:
        depths: blocks of each stage of ours.
        window: side of our windows; the file's biases are interpolated to it.
    """
    last = len(depths) - 1
    taken = [*_same("embed.", "patch_embed.proj."), *_same("embed_norm.", "patch_embed.norm.")]
    for n, depth in enumerate(depths):
        places = [f"down.{n}."] if n == last else [f"down.{n}.", f"up.{n}."]
        for place in places:
            for block in range(depth):
                taken += _swin_block(f"{place}{block}.", f"layers.{n}.blocks.{block}.", window)
        taken += _swin_merge(n) if n < last else []
    deeper = [rf"layers\.{n}\.blocks\.({_from(depth)})\..*" for n, depth in enumerate(depths)]
    return Choice([*taken, *_same("bottom_norm.", "norm.")], (*_SWIN_TABLES, *deeper, r"head\..*"))


def glh_transformer(prefix: str, depths: Sequence[int], pooled: Sequence[int], *, chooses: bool) -> Choice:
    """Return ColorFormer's encoder, a Swin transformer whose every second block also sees the map's means.

    Args:
        prefix: of the encoder.
        depths: blocks of each stage.
        pooled: side of the means, in each stage; 0 where they are left out.
        chooses: whether it has the shares of the whole image.
    """
    taken = [
        *_same(f"{prefix}embed.", "patch_embed.proj."),
        *_same(f"{prefix}embed_norm.", "patch_embed.norm."),
    ]
    left = list(_SWIN_TABLES)
    for n, depth in enumerate(depths):
        for block in range(depth):
            ours, theirs = f"{prefix}stages.{n}.{block}.", f"layers.{n}.blocks.{block}."
            taken += _swin_block(ours, theirs)
            if block % 2 == 0 and pooled[n]:
                taken += _same(f"{ours}attention.pooled_norm.", f"{theirs}attn.norm.")
                taken += _same(f"{ours}attention.pooled_kv.", f"{theirs}attn.kv.")
        taken += _swin_merge(n, prefix) if n < len(depths) - 1 else []
        taken += _same(f"{prefix}norms.{n}.", f"norm{n}.")
        left += [] if pooled[n] else [rf"layers\.{n}\.blocks\.\d+\.attn\.(norm|kv)\..*"]
    if chooses:
        taken += [*_same(f"{prefix}choice.0.", "norm_cls."), *_same(f"{prefix}choice.1.", "head_cls.")]
    else:
        left += [r"norm_cls\..*", r"head_cls\..*"]
    return Choice(taken, tuple(left))


def convnext(prefix: str, depths: Sequence[int]) -> Choice:
    """Return ConvNeXt for `translators.ddcolor.convnext.ConvNeXt`; the norms of its four maps are not in the file and stay new."""
    taken = []
    for n, depth in enumerate(depths):
        for part in (0, 1):
            taken += _same(f"{prefix}shrink.{n}.{part}.", f"downsample_layers.{n}.{part}.")
        for block in range(depth):
            ours, theirs = f"{prefix}stages.{n}.{block}.", f"stages.{n}.{block}."
            taken += [
                Taken(f"{ours}gamma", (f"{theirs}gamma",)),
                *_same(f"{ours}depthwise.", f"{theirs}dwconv."),
                *_same(f"{ours}norm.", f"{theirs}norm."),
                *_same(f"{ours}perceptron.0.", f"{theirs}pwconv1."),
                *_same(f"{ours}perceptron.2.", f"{theirs}pwconv2."),
            ]
    return Choice(taken, (r"norm\..*", r"head\..*"))


def vgg16(prefix: str) -> Choice:
    """Return VGG-16 up to the fourth stage's last convolution, for the same layers in one sequence."""
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)
    taken = [one for n in places for one in _same(f"{prefix}{n}.", f"features.{n}.")]
    return Choice(taken, (r"features\.(24|26|28)\..*", r"classifier\..*"))


_SWIN_TABLES = (r".*\.attn\.relative_position_index", r".*\.attn_mask")
"""Tables that follow from the window."""


def _swin_block(ours: str, theirs: str, window: int | None = None) -> Iterator[Taken]:
    form = as_it_is if window is None else partial(_biases, window=window)
    yield from _same(f"{ours}norm1.", f"{theirs}norm1.")
    yield Taken(f"{ours}attention.bias", (f"{theirs}attn.relative_position_bias_table",), form)
    yield from _same(f"{ours}attention.qkv.", f"{theirs}attn.qkv.")
    yield from _same(f"{ours}attention.out.", f"{theirs}attn.proj.")
    yield from _same(f"{ours}norm2.", f"{theirs}norm2.")
    yield from _same(f"{ours}perceptron.0.", f"{theirs}mlp.fc1.")
    yield from _same(f"{ours}perceptron.2.", f"{theirs}mlp.fc2.")


def _swin_merge(n: int, prefix: str = "") -> list[Taken]:
    ours, theirs = f"{prefix}merges.{n}.", f"layers.{n}.downsample."
    return [
        *_same(f"{ours}norm.", f"{theirs}norm."),
        Taken(f"{ours}linear.weight", (f"{theirs}reduction.weight",)),
    ]


def _from(first: int) -> str:
    """Return a pattern of the whole numbers from `first` to 99."""
    return "|".join(str(n) for n in range(first, 100))


def _same(ours: str, theirs: str) -> list[Taken]:
    return [Taken(f"{ours}{part}", (f"{theirs}{part}",)) for part in ("weight", "bias")]


def _scaled(ours: str, theirs: str) -> list[Taken]:
    return [Taken(f"{ours}weight", (f"{theirs}scale",)), Taken(f"{ours}bias", (f"{theirs}bias",))]


def _grouped(ours: str, theirs: str) -> list[Taken]:
    """As `_scaled`; group norm's numbers lie in four dimensions in the file."""
    return [one._replace(form=_flat) for one in _scaled(ours, theirs)]


def _dense(ours: str, theirs: str) -> list[Taken]:
    return [
        Taken(f"{ours}weight", (f"{theirs}kernel",), _turned),
        Taken(f"{ours}bias", (f"{theirs}bias",)),
    ]


def _convolution(kernel: Tensor) -> Tensor:
    """Return `(out, in, h, w)` of `(h, w, in, out)`."""
    return kernel.permute(3, 2, 0, 1)


def _turned(kernel: Tensor) -> Tensor:
    return kernel.t()


def _flat(*parts: Tensor) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def _joined_in(*kernels: Tensor) -> Tensor:
    """Return `(3 C, C)` of the kernels `(C, heads, C / heads)` of query, key and value."""
    return torch.cat([kernel.flatten(1).t() for kernel in kernels])


def _joined_out(kernel: Tensor) -> Tensor:
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
    wanted = 2 * window - 1
    if grid.shape[-1] == wanted:
        return table
    return F.interpolate(grid, (wanted, wanted), mode="bicubic", align_corners=False)[0].flatten(1).t()


def _square(rows: Tensor) -> Tensor:
    """Return `(1, C, g, g)` of `(g * g, C)`."""
    side = math.isqrt(len(rows))
    return rows.t().reshape(1, -1, side, side)
