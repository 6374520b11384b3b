"""TransUNet: Chen et al., TransUNet: Transformers Make Strong Encoders for Medical Image Segmentation, arXiv 2102.04306,
2021.

A residual network with weight-standardised convolutions goes down to 1/16, a vision transformer looks at the whole
map, and a decoder goes up by steps of two beside the residual network's own maps. For translation the head ends in
tanh and the network is the generator of a conditional GAN.
"""  # noqa: D205

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from transmodal.nets import weight_maps
from transmodal.nets.blocks import BatchNorm2d, TranslateWith, full_precision, translate_with
from transmodal.nets.pretrained import PretrainedWeights
from transmodal.nets.vit import MapTransformer, Positions
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    ConditionalGanConfig,
    patch_discriminator,
)


class Config(ConditionalGanConfig):
    """The paper's values, under the conditional GAN that MRNet compares it in.

    Attributes:
        blocks: bottlenecks of the residual network's three stages.
        depth: layers of the transformer; 0 leaves it out.
        channels: of a token; ViT-B has 768.
        heads: of attention.
        side: of the token map on which positions are learnt; 16 for 256 x 256.
        skips: whether the decoder sees the residual network's maps.
        backbone: file R50+ViT-B_16.npz, which residual network and transformer start from; None starts from scratch.
        translate_with: what the decoder's batch norm takes while translating: training's `running` averages, as the
            published test does, or each window's own statistics.
    """

    width: int = Field(64, ge=4)
    blocks: tuple[int, int, int] = (3, 4, 9)
    depth: int = Field(12, ge=0)
    channels: int = Field(768, ge=1)
    heads: int = Field(12, ge=1)
    side: int = Field(16, ge=1)
    skips: bool = True
    backbone: str | None = None
    translate_with: TranslateWith = "running"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if min(self.blocks) < 1:
            raise ValueError("each stage has one block or more")
        if self.channels % self.heads:
            raise ValueError(f"{self.channels} channels do not divide among {self.heads} heads")
        return self


class TransUNet(ConditionalGan):
    """A conditional GAN whose generator is TransUNet."""

    config: Config

    def __init__(self, config: Config) -> None:
        # Tokens are 1/16 of the image, and shortcuts are normalised channel by channel: one place has no deviation.
        super().__init__(
            config, Generator(config), patch_discriminator(config, "batch"), multiple=16, least=32
        )
        translate_with(self.generator, config.translate_with)

    def pretrained(self) -> Mapping[str, PretrainedWeights]:
        """Return R50-ViT-B/16: all but the decoder, as the original starts."""
        config = self.config
        tensors = weight_maps.vit_resnet("", config.blocks)
        tensors += weight_maps.vit_tokens("embed.", "positions.", config.side)
        tensors += weight_maps.vit_layers("transformer.", config.depth) if config.depth else []
        ignored = weight_maps.VIT_HEAD if config.depth else (*weight_maps.VIT_HEAD, weight_maps.VIT_LAYERS)
        return {
            "backbone": PretrainedWeights(
                self.generator, config.backbone, weight_maps.R50_VIT, tensors, ignored
            )
        }


class Generator(nn.Module):
    """Residual network, transformer, decoder with skips, head."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.root = nn.Sequential(
            StandardisedConv2d(max(config.in_channels, 3), width, 7, 2, 3, bias=False),
            _group_norm(width),
            nn.ReLU(),
        )
        # No padding before and as much behind as the last window needs: the sides are exactly halved.
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        before, stages = width, []
        for n, count in enumerate(config.blocks):
            after = 4 * width * 2**n
            blocks = [Bottleneck(before, after, 1 if n == 0 else 2)]
            blocks += [Bottleneck(after, after, 1) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            before = after
        self.stages = nn.ModuleList(stages)
        self.embed = nn.Conv2d(before, config.channels, 1)
        self.positions = Positions(config.channels, config.side)
        self.transformer = (
            MapTransformer(config.channels, config.depth, config.heads) if config.depth else nn.Identity()
        )
        self.widen = nn.Sequential(*_convolution(config.channels, 8 * width))
        skips = (8 * width, 4 * width, width, 0) if config.skips else (0, 0, 0, 0)
        widths = (8 * width, 4 * width, 2 * width, width, width // 4)
        self.ups = nn.ModuleList(
            nn.Sequential(*_convolution(before + skip, after), *_convolution(after, after))
            for before, after, skip in zip(widths, widths[1:], skips, strict=False)
        )
        self._skips = config.skips
        self.head = nn.Conv2d(width // 4, config.target_channels, 3, padding=1)

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to float32 `(B, T, H, W)` in [-1, 1]; sides are multiples of 16."""
        half = self.root(three_channels(source))
        quarter = self.stages[0](self.pool(half))
        eighth = self.stages[1](quarter)
        tokens = self.positions(self.embed(self.stages[2](eighth)))
        x = self.widen(self.transformer(tokens))
        for up, skip in zip(self.ups, (eighth, quarter, half, None), strict=True):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)
            if skip is not None and self._skips:
                x = torch.cat([x, skip], dim=1)
            x = up(x)
        with full_precision(x):
            out: Tensor = torch.tanh(self.head(x.float()))
        return out


def three_channels(source: Tensor) -> Tensor:
    """Repeat one channel to three; fill two up with zeros; leave more as they are.

    Args:
        source: `(B, C, H, W)`.
    """
    if source.shape[1] == 1:
        return source.expand(-1, 3, -1, -1)
    return F.pad(source, (0, 0, 0, 0, 0, max(0, 3 - source.shape[1])))


class StandardisedConv2d(nn.Conv2d):
    """A convolution whose weights have mean 0 and variance 1 per output channel (Qiao et al., arXiv 1903.10520)."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve `(B, C, H, W)` with the standardised weights."""
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True, correction=0)
        weight = (self.weight - mean) * torch.rsqrt(variance + 1e-5)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


class Bottleneck(nn.Module):
    """relu(shortcut + 1x1, 3x3, 1x1), with group norm after each convolution; the stride is in the 3x3.

    Args:
        before: channels that come in.
        after: channels that go out; four times the inner ones.
        stride: of the block.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        inner = after // 4
        self.path = nn.Sequential(
            StandardisedConv2d(before, inner, 1, bias=False), _group_norm(inner), nn.ReLU(),
            StandardisedConv2d(inner, inner, 3, stride, 1, bias=False), _group_norm(inner), nn.ReLU(),
            StandardisedConv2d(inner, after, 1, bias=False), _group_norm(after),
        )  # fmt: skip
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(
                StandardisedConv2d(before, after, 1, stride, bias=False), nn.GroupNorm(after, after)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, before, h, w)` to `(B, after, h / stride, w / stride)`."""
        return torch.relu(self.shortcut(x) + self.path(x))


def _group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(32, max(1, channels // 2)), channels, eps=1e-6)


def _convolution(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, padding=1, bias=False), BatchNorm2d(after), nn.ReLU()]


def build(config: Config) -> TransUNet:
    """Build the translator."""
    return TransUNet(config)
