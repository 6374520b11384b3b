"""The hybrid vision transformer R50+ViT-B/16, as Google Research publishes it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal.nets.pretrained import TensorMap, WeightFile
from transmodal.nets.weight_maps._parts import square

R50_VIT = WeightFile(
    "R50+ViT-B_16.npz",
    "https://storage.googleapis.com/vit_models/imagenet21k",
    "Apache-2.0",
)


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
    grid = square(table[0, 1:])
    if grid.shape[-1] == side:
        return grid
    return F.interpolate(grid, (side, side), mode="bilinear", align_corners=True)
