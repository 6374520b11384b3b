"""What the published files of weights hold, stated by their names and shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from transmodal.nets.pretrained import PretrainedWeights, WeightFile
from transmodal.nets.weight_maps import WeightMap

Shapes = dict[str, tuple[int, ...]]


class PublishedFiles:
    """Names and shapes of each file; in small where sizes are given."""

    @staticmethod
    def drawn(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
        """Return tensors of these shapes; whole numbers where the file has an index."""
        generator = torch.Generator().manual_seed(seed)
        return {
            name: torch.zeros(shape, dtype=torch.int64)
            if name.endswith("index")
            else 0.3 * torch.randn(shape, generator=generator)
            for name, shape in shapes.items()
        }

    @staticmethod
    def fill(net: nn.Module, choice: WeightMap, content: Mapping[str, Tensor], folder: Path) -> None:
        """Fill a network through a file."""
        path = folder / "weights.npz"
        arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in content.items()}
        np.savez(path, **arrays)
        PretrainedWeights(net, str(path), WeightFile("file", "somewhere", "MIT"), *choice).load()

    @staticmethod
    def r50_vit(
        channels: int = 768, heads: int = 12, depth: int = 12, grid: int = 14, width: int = 64,
        blocks: Sequence[int] = (3, 4, 9),
    ) -> Shapes:  # fmt: skip
        """Return names and shapes of R50+ViT-B_16.npz."""
        shapes: Shapes = {
            "cls": (1, 1, channels),
            "embedding/kernel": (1, 1, 16 * width, channels),
            "embedding/bias": (channels,),
            "Transformer/posembed_input/pos_embedding": (1, 1 + grid**2, channels),
            "Transformer/encoder_norm/scale": (channels,),
            "Transformer/encoder_norm/bias": (channels,),
            "pre_logits/kernel": (channels, channels),
            "pre_logits/bias": (channels,),
            "head/kernel": (channels, 21843),
            "head/bias": (21843,),
            "conv_root/kernel": (7, 7, 3, width),
            "gn_root/scale": (1, 1, 1, width),
            "gn_root/bias": (1, 1, 1, width),
        }
        for n in range(depth):
            block = f"Transformer/encoderblock_{n}"
            for norm in ("LayerNorm_0", "LayerNorm_2"):
                shapes |= {f"{block}/{norm}/scale": (channels,), f"{block}/{norm}/bias": (channels,)}
            attention = f"{block}/MultiHeadDotProductAttention_1"
            for part in ("query", "key", "value"):
                shapes[f"{attention}/{part}/kernel"] = (channels, heads, channels // heads)
                shapes[f"{attention}/{part}/bias"] = (heads, channels // heads)
            shapes[f"{attention}/out/kernel"] = (heads, channels // heads, channels)
            shapes[f"{attention}/out/bias"] = (channels,)
            for name, sizes in (("0", (channels, 4 * channels)), ("1", (4 * channels, channels))):
                shapes[f"{block}/MlpBlock_3/Dense_{name}/kernel"] = sizes
                shapes[f"{block}/MlpBlock_3/Dense_{name}/bias"] = (sizes[1],)
        return shapes | _r50(width, blocks)

    @staticmethod
    def swin(
        width: int = 96,
        depths: Sequence[int] = (2, 2, 6, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        window: int = 7,
    ) -> Shapes:
        """Return names and shapes of swin_tiny_patch4_window7_224.pth, under its key `model`."""
        shapes = _swin_stages(width, depths, heads, window)
        top = width * 2 ** (len(depths) - 1)
        for n, depth in enumerate(depths):
            for block in range(1, depth, 2):
                side = 56 // 2**n
                if side > window:
                    shapes[f"layers.{n}.blocks.{block}.attn_mask"] = (
                        (side // window) ** 2,
                        window**2,
                        window**2,
                    )
        return shapes | {
            "norm.weight": (top,), "norm.bias": (top,), "head.weight": (1000, top), "head.bias": (1000,),
        }  # fmt: skip

    @staticmethod
    def glh(
        width: int = 96,
        depths: Sequence[int] = (2, 2, 6, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        window: int = 7,
    ) -> Shapes:
        """Return names and shapes of GLH.pth."""
        shapes = _swin_stages(width, depths, heads, window)
        top = width * 2 ** (len(depths) - 1)
        for n, depth in enumerate(depths):
            channels = width * 2**n
            for block in range(0, depth, 2):
                name = f"layers.{n}.blocks.{block}.attn"
                shapes |= _both(f"{name}.norm", channels) | {
                    f"{name}.kv.weight": (2 * channels, channels), f"{name}.kv.bias": (2 * channels,),
                }  # fmt: skip
            shapes |= _both(f"norm{n}", channels)
        return shapes | _both("norm_cls", top) | {"head_cls.weight": (4, top), "head_cls.bias": (4,)}

    @staticmethod
    def convnext(width: int = 192, depths: Sequence[int] = (3, 3, 27, 3)) -> Shapes:
        """Return names and shapes of convnext_large_22k_224.pth, under its key `model`."""
        shapes: Shapes = {}
        for n, depth in enumerate(depths):
            channels = width * 2**n
            conv, norm = ("0", "1") if n == 0 else ("1", "0")
            stem = (channels, 3, 4, 4) if n == 0 else (channels, channels // 2, 2, 2)
            shapes |= {
                f"downsample_layers.{n}.{conv}.weight": stem,
                f"downsample_layers.{n}.{conv}.bias": (channels,),
                **_both(f"downsample_layers.{n}.{norm}", channels if n == 0 else channels // 2),
            }
            for block in range(depth):
                name = f"stages.{n}.{block}"
                shapes |= {
                    f"{name}.gamma": (channels,),
                    f"{name}.dwconv.weight": (channels, 1, 7, 7),
                    f"{name}.dwconv.bias": (channels,),
                    **_both(f"{name}.norm", channels),
                    f"{name}.pwconv1.weight": (4 * channels, channels),
                    f"{name}.pwconv1.bias": (4 * channels,),
                    f"{name}.pwconv2.weight": (channels, 4 * channels),
                    f"{name}.pwconv2.bias": (channels,),
                }
        top = width * 8
        return shapes | _both("norm", top) | {"head.weight": (21841, top), "head.bias": (21841,)}

    @staticmethod
    def vgg16(width: int = 64) -> Shapes:
        """Return names and shapes of vgg16-397923af.pth."""
        shapes: Shapes = {}
        before, place = 3, 0
        for times, count in ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3)):
            for _ in range(count):
                shapes[f"features.{place}.weight"] = (times * width, before, 3, 3)
                shapes[f"features.{place}.bias"] = (times * width,)
                before, place = times * width, place + 2
            place += 1
        for n, (after, inner) in {0: (4096, 49 * before), 3: (4096, 4096), 6: (1000, 4096)}.items():
            shapes |= {f"classifier.{n}.weight": (after, inner), f"classifier.{n}.bias": (after,)}
        return shapes


def _r50(width: int, blocks: Sequence[int]) -> Shapes:
    shapes: Shapes = {}
    before = width
    for stage, count in enumerate(blocks, start=1):
        inner = width * 2 ** (stage - 1)
        for unit in range(1, count + 1):
            name = f"block{stage}/unit{unit}"
            kernels = {
                "1": (1, 1, before, inner),
                "2": (3, 3, inner, inner),
                "3": (1, 1, inner, 4 * inner),
            }
            if unit == 1:
                kernels["_proj"] = (1, 1, before, 4 * inner)
            for part, kernel in kernels.items():
                shapes[f"{name}/conv{part}/kernel"] = kernel
                shapes |= {f"{name}/gn{part}/{one}": (1, 1, 1, kernel[3]) for one in ("scale", "bias")}
            before = 4 * inner
    return shapes


def _swin_stages(width: int, depths: Sequence[int], heads: Sequence[int], window: int) -> Shapes:
    shapes: Shapes = {"patch_embed.proj.weight": (width, 3, 4, 4), "patch_embed.proj.bias": (width,)}
    shapes |= _both("patch_embed.norm", width)
    for n, depth in enumerate(depths):
        channels = width * 2**n
        for block in range(depth):
            name = f"layers.{n}.blocks.{block}"
            shapes |= _both(f"{name}.norm1", channels) | _both(f"{name}.norm2", channels)
            shapes |= {
                f"{name}.attn.relative_position_bias_table": ((2 * window - 1) ** 2, heads[n]),
                f"{name}.attn.relative_position_index": (window**2, window**2),
                f"{name}.attn.qkv.weight": (3 * channels, channels),
                f"{name}.attn.qkv.bias": (3 * channels,),
                f"{name}.attn.proj.weight": (channels, channels),
                f"{name}.attn.proj.bias": (channels,),
                f"{name}.mlp.fc1.weight": (4 * channels, channels),
                f"{name}.mlp.fc1.bias": (4 * channels,),
                f"{name}.mlp.fc2.weight": (channels, 4 * channels),
                f"{name}.mlp.fc2.bias": (channels,),
            }
        if n < len(depths) - 1:
            shapes |= _both(f"layers.{n}.downsample.norm", 4 * channels)
            shapes[f"layers.{n}.downsample.reduction.weight"] = (2 * channels, 4 * channels)
    return shapes


def _both(name: str, channels: int) -> Shapes:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


@pytest.fixture(scope="session")
def files() -> type[PublishedFiles]:
    """Return what the published files hold."""
    return PublishedFiles
