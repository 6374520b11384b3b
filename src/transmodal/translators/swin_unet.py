"""Swin-Unet: Cao et al., Swin-Unet: Unet-like Pure Transformer for Medical Image Segmentation, ECCV Workshops 2022.

A U-Net without convolutions: attention within windows of a map, every second time shifted by half a window; maps are
merged two by two on the way down and expanded on the way up, beside the maps of the way down. For translation the
head ends in tanh and the network is the generator of a conditional GAN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from transmodal.nets import weight_maps
from transmodal.nets.blocks import full_precision
from transmodal.nets.pretrained import PretrainedWeights
from transmodal.nets.swin import Block, Merge, WindowAttention
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    ConditionalGanConfig,
    patch_discriminator,
)


class Config(ConditionalGanConfig):
    """The paper's values at 256 x 256, under the conditional GAN that MRNet compares it in.

    Attributes:
        width: channels of a token at 1/4 of the sides.
        patch: side of the patch that is a token, 4.
        depths: blocks of each stage, down and up alike.
        heads: of attention, in each stage.
        window: side of the attention's windows, in tokens; the paper's 7 belongs to 224 x 224.
        shifted: whether every second block shifts its windows.
        skips: which maps of the way down the way up sees: each stage's `output`, as in the paper's figure; its `input`,
            as in the released code; or `none`. True and False, as recipes once said it, are `output` and `none`.
        discriminator_width: channels of the discriminator's first layer.
        backbone: file swin_tiny_patch4_window7_224.pth, which the stages start from; None starts from scratch.
    """

    width: int = Field(96, ge=1)
    patch: int = Field(4, ge=1)
    depths: tuple[int, ...] = Field((2, 2, 2, 2), min_length=2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = Field(8, ge=2)
    shifted: bool = True
    skips: Literal["output", "input", "none"] = "output"
    discriminator_width: int = Field(64, ge=1)
    backbone: str | None = None

    @field_validator("skips", mode="before")
    @classmethod
    def _name_skips(cls, skips: Any) -> Any:  # noqa: ANN401 - what is to be validated
        return {True: "output", False: "none"}[skips] if isinstance(skips, bool) else skips

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.depths) != len(self.heads):
            raise ValueError(f"{len(self.depths)} depths, {len(self.heads)} heads")
        if min(*self.depths, *self.heads) < 1:
            raise ValueError("depths and heads are 1 or more")
        for n, heads in enumerate(self.heads):
            if self.width * 2**n % heads:
                raise ValueError(f"{self.width * 2**n} channels do not divide among {heads} heads")
        return self


class SwinUNet(ConditionalGan):
    """A conditional GAN whose generator is Swin-Unet."""

    config: Config

    def __init__(self, config: Config) -> None:
        lowest = config.patch << (len(config.depths) - 1)
        generator = Generator(config)
        discriminator = patch_discriminator(config, "batch", config.discriminator_width)
        super().__init__(config, generator, discriminator, multiple=lowest)

    def pretrained(self) -> Mapping[str, PretrainedWeights]:
        """Return Swin-T for the way down, and its blocks once more for the way up, as the original starts."""
        weight_map = weight_maps.swin_unet(self.config.depths, self.config.window)
        weights = PretrainedWeights(self.generator, self.config.backbone, weight_maps.SWIN_T, *weight_map)
        return {"backbone": weights}


class Generator(nn.Module):
    """Patches, stages down, stages up beside them, patches expanded to pixels."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, last = config.width, len(config.depths) - 1
        self._skips = config.skips
        self.embed = nn.Conv2d(max(config.in_channels, 3), width, config.patch, config.patch)
        self.embed_norm = nn.LayerNorm(width)
        self.down = nn.ModuleList(_stage(config, n) for n in range(last + 1))
        self.merges = nn.ModuleList(Merge(width * 2**n) for n in range(last))
        self.bottom_norm = nn.LayerNorm(width * 2**last)
        self.expands = nn.ModuleList(Expand(width * 2 ** (n + 1), 2, width * 2**n) for n in range(last))
        self.joins = nn.ModuleList(
            nn.Linear((1 if config.skips == "none" else 2) * width * 2**n, width * 2**n) for n in range(last)
        )
        self.up = nn.ModuleList(_stage(config, n) for n in range(last))
        self.top_norm = nn.LayerNorm(width)
        self.to_pixels = Expand(width, config.patch, width)
        self.head = nn.Conv2d(width, config.target_channels, 1, bias=False)
        self.apply(_initialise)

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to float32 `(B, T, H, W)` in [-1, 1]."""
        # One channel is repeated to three; two are filled up with zeros.
        missing = max(0, 3 - source.shape[1])
        grey = (
            source.expand(-1, 3, -1, -1) if source.shape[1] == 1 else F.pad(source, (0, 0, 0, 0, 0, missing))
        )
        x = self.embed_norm(self.embed(grey).permute(0, 2, 3, 1))
        skips = []
        for stage, merge in zip(self.down, self.merges, strict=False):
            before, x = x, stage(x)
            skips.append(before if self._skips == "input" else x)
            x = merge(x)
        x = self.bottom_norm(self.down[-1](x))
        for n in reversed(range(len(self.up))):
            x = self.expands[n](x)
            x = self.up[n](self.joins[n](x if self._skips == "none" else torch.cat([x, skips[n]], dim=-1)))
        x = self.to_pixels(self.top_norm(x)).permute(0, 3, 1, 2)
        with full_precision(x):
            out: Tensor = torch.tanh(self.head(x.float()))
        return out


class Expand(nn.Module):
    """One token becomes `factor` x `factor` of `after` channels: linear, then norm."""

    def __init__(self, before: int, factor: int, after: int) -> None:
        super().__init__()
        self.factor = factor
        self.linear = nn.Linear(before, factor * factor * after, bias=False)
        self.norm = nn.LayerNorm(after)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, h, w, before)` to `(B, factor * h, factor * w, after)`."""
        spread = self.linear(x).unflatten(-1, (self.factor, self.factor, -1))
        out: Tensor = self.norm(spread.transpose(2, 3).flatten(3, 4).flatten(1, 2))
        return out


def _stage(config: Config, n: int) -> nn.Sequential:
    channels, shift = config.width * 2**n, config.window // 2 if config.shifted else 0

    def block(number: int) -> Block:
        shifted = shift if number % 2 else 0
        return Block(channels, WindowAttention(channels, config.heads[n], config.window, shifted))

    return nn.Sequential(*(block(number) for number in range(config.depths[n])))


def _initialise(part: nn.Module) -> None:
    if isinstance(part, nn.Linear):
        nn.init.trunc_normal_(part.weight, std=0.02)
        if part.bias is not None:
            nn.init.zeros_(part.bias)


def build(config: Config) -> SwinUNet:
    """Build the translator."""
    return SwinUNet(config)
