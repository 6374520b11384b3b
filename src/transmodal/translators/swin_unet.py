"""Swin-Unet: Cao et al., Swin-Unet: Unet-like Pure Transformer for Medical Image Segmentation, ECCV Workshops 2022.

A U-Net without convolutions: attention within windows of a map, every second time shifted by half a window; maps are
merged two by two on the way down and expanded on the way up, beside the maps of the way down. For translation the
head ends in tanh and the network is the generator of a conditional GAN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.losses.conditional_gan import discriminator_terms, generator_terms
from transmodal.nets.blocks import full_precision
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.nets.swin import Block, Merge
from transmodal.translators._base import Translator, TranslatorConfig


class Config(TranslatorConfig):
    """The paper's values at 256 x 256, under the conditional GAN that MRNet compares it in.

    Attributes:
        width: channels of a token at 1/4 of the sides.
        patch: side of the patch that is a token, 4.
        depths: blocks of each stage, down and up alike.
        heads: of attention, in each stage.
        window: side of the attention's windows, in tokens; the paper's 7 belongs to 224 x 224.
        shifted: whether every second block shifts its windows.
        skips: whether the way up sees the maps of the way down.
        discriminator_width: channels of the discriminator's first layer.
        l1_weight: of the mean absolute error.
        adversarial_weight: of the generator's adversarial term.
        discriminator_layers: strided layers; 3 judges 70 x 70 pixels.
    """

    width: int = Field(96, ge=1)
    patch: int = Field(4, ge=1)
    depths: tuple[int, ...] = Field((2, 2, 2, 2), min_length=2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = Field(8, ge=2)
    shifted: bool = True
    skips: bool = True
    discriminator_width: int = Field(64, ge=1)
    l1_weight: float = Field(100.0, ge=0)
    adversarial_weight: float = Field(1.0, ge=0)
    discriminator_layers: int = Field(3, ge=1, le=5)

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


class Outputs(NamedTuple):
    """What all players judge.

    Attributes:
        synthetic: `(B, T, H, W)` in [-1, 1].
    """

    synthetic: Tensor


class SwinUNet(Translator[Outputs]):
    """A conditional GAN whose generator is Swin-Unet."""

    batch_coupled = True  # batch normalisation in the discriminator
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.generator = Generator(config)
        self.discriminator = PatchDiscriminator(
            config.in_channels + config.target_channels,
            config.discriminator_width,
            "batch",
            config.discriminator_layers,
        )

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, H, W)` into `(B, T, H, W)` in [-1, 1]."""
        self.check(source, available)
        out: Tensor = self.generator(source)
        return out

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of: the lowest stage's tokens."""
        return self.config.patch << (len(self.config.depths) - 1)

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return generator and discriminator."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once.

        Raises:
            UsageError: E004 for windows on which the discriminator has no verdict, and as `check`.
        """
        least = self.discriminator.least_side
        if min(batch.source.shape[2:]) < least:
            raise UsageError(
                "E004",
                f"windows of {tuple(batch.source.shape[2:])}",
                f"sides of {least} or more",
                "Set a larger windows.size, or fewer settings.discriminator_layers.",
            )
        return Outputs(self(batch.source, batch.available))

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms: LSGAN and the weighted L1."""
        if batch.target is None:
            raise InputError(
                "E131", "a batch without target", "pairs of source and target", "Check the cohort."
            )
        judged = (self.discriminator, batch.source, outputs.synthetic, batch.target)
        if player == "discriminator":
            return discriminator_terms(*judged)
        terms = generator_terms(*judged, self.config.l1_weight)
        return {**terms, "adversarial": self.config.adversarial_weight * terms["adversarial"]}


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
            nn.Linear((1 + config.skips) * width * 2**n, width * 2**n) for n in range(last)
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
            x = stage(x)
            skips.append(x)
            x = merge(x)
        x = self.bottom_norm(self.down[-1](x))
        for n in reversed(range(len(self.up))):
            x = self.expands[n](x)
            x = self.up[n](self.joins[n](torch.cat([x, skips[n]], dim=-1) if self._skips else x))
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
    shift = config.window // 2 if config.shifted else 0
    return nn.Sequential(
        *(
            Block(config.width * 2**n, config.heads[n], config.window, shift if block % 2 else 0)
            for block in range(config.depths[n])
        )
    )


def _initialise(part: nn.Module) -> None:
    if isinstance(part, nn.Linear):
        nn.init.trunc_normal_(part.weight, std=0.02)
        if part.bias is not None:
            nn.init.zeros_(part.bias)


def build(config: Config) -> SwinUNet:
    """Build the translator."""
    return SwinUNet(config)
