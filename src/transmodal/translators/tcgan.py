"""TCGAN: Li, Qu, Yang, Zhang, Li and Hu, TCGAN: a transformer-enhanced GAN for PET synthetic CT, Biomedical Optics
Express 13(11), 2022.

A U-Net beside a transformer that grows its map as TransGAN does: the whole image becomes one vector, the vector a
coarse map of tokens, and the tokens are rearranged into finer maps. What both make is averaged, or the U-Net goes
over what the transformer has made. Against a conditional patch discriminator, with a smooth L1.
"""  # noqa: D205

from __future__ import annotations

from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.losses.regression import smooth_absolute
from transmodal.nets.blocks import NormKind, full_precision, norm2d, normal_init, seeded_dropout
from transmodal.nets.patchgan import Discriminator
from transmodal.nets.vit import MapTransformer, Positions
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    ConditionalGanConfig,
    Outputs,
    patch_discriminator,
)

BOTTLENECK = 3
"""Channels of the map, at 1/8 of the sides, that becomes a vector and that the tokens become."""
REDUCTION = 8
"""What the transformer's convolutions divide the sides by."""


class Config(ConditionalGanConfig):
    """The published code's values.

    Attributes:
        arrangement: `parallel` averages U-Net and transformer (the code's version 3), `serial` gives the U-Net the
            mean of source and transformer (version 4), `unet` has no transformer.
        levels: times that the U-Net halves the sides; 8 takes 256 x 256 to 1 x 1.
        dropout: in the U-Net's stages of 8 * width channels, while training.
        channels: of a token of the coarsest map; 384 or 1024.
        heads: of attention.
        depths: layers of the transformer on each of the three maps.
        grid: side of the coarsest map; 8 for 256 x 256. Other windows are averaged into it.
        hidden: length of the vector that the whole image becomes.
        branch_width: channels of the transformer's convolutions.
        objective: `paper`, or `cgan`: the conditional GAN with L1 that MRNet compared all generators under.
        pixel_weight: of the smooth L1, which `cgan` replaces by the mean absolute error.
    """

    arrangement: Literal["parallel", "serial", "unet"] = "parallel"
    levels: int = Field(8, ge=3, le=9)
    dropout: float = Field(0.5, ge=0, lt=1)
    channels: int = Field(384, ge=16)
    heads: int = Field(4, ge=1)
    depths: tuple[int, int, int] = (5, 4, 2)
    grid: int = Field(8, ge=1)
    hidden: int = Field(1024, ge=1)
    branch_width: int = Field(16, ge=1)
    objective: Literal["paper", "cgan"] = "paper"
    pixel_weight: float = Field(100.0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.channels % (16 * self.heads):
            raise ValueError(
                f"{self.channels} channels: {self.heads} heads need a multiple of {16 * self.heads}"
            )
        if min(self.depths) < 1:
            raise ValueError("each map has one layer or more")
        return self


class Tcgan(ConditionalGan):
    """A conditional GAN whose generator is a U-Net and a transformer.

    `parallel` may leave [-1, 1]: losses see it so, and what is translated is cut off there.
    """

    config: Config

    def __init__(self, config: Config) -> None:
        if config.arrangement == "serial" and config.in_channels != config.target_channels:
            raise UsageError(
                "E004",
                f"settings.arrangement=serial from {config.in_channels} channels to {config.target_channels}",
                "as many channels in as out: source and transformer are averaged",
                "Set settings.arrangement=parallel.",
            )
        generator = Generator(config)
        super().__init__(
            config,
            generator,
            patch_discriminator(config, "batch") if config.objective == "cgan" else _own(config),
            multiple=2**config.levels,
            # Maps of one pixel cannot be normalised.
            least=0 if config.arrangement == "unet" else 2 * REDUCTION,
        )

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, H, W)` into `(B, T, H, W)` in [-1, 1]; `noise` are seeds of the dropout."""
        self.check(source, available)
        out: Tensor = self.generator(source, noise)
        return out.clamp(-1, 1)

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once, with dropout from the batch's seeds while training.

        Raises:
            UsageError: E004 for windows on which the discriminator has no verdict, and as `check`.
        """
        self.check(batch.source, batch.available)
        self.check_judged(batch)
        return Outputs(self.generator(batch.source, batch.draw if self.training else None))

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms: those of the common objective, or the paper's with the weighted smooth L1."""
        terms = super().losses(player, batch, outputs)
        if player == "discriminator" or self.config.objective == "cgan":
            return terms
        del terms["l1"]
        apart = smooth_absolute(outputs.synthetic, batch.paired())
        return {**terms, "smooth_l1": self.config.pixel_weight * apart}


class Generator(nn.Module):
    """The U-Net and the transformer, as they are arranged."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._arrangement = config.arrangement
        self.unet = UNet(config)
        self.branch = TransformerBranch(config) if config.arrangement != "unet" else None
        normal_init(self)

    def forward(self, source: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Map `(B, C, H, W)` to float32 `(B, T, H, W)`, in [-1, 1] but where the transformer leaves it.

        Args:
            source: sides are multiples of `2 ** levels`.
            seeds: `(B,)`, one per sample, for dropout; None drops nothing.
        """
        drawn = None if self.branch is None else self.branch(source)
        if drawn is not None and self._arrangement == "serial":
            source = (drawn + source) / 2
        out: Tensor = self.unet(source, seeds)
        if drawn is not None and self._arrangement == "parallel":
            out = (out + drawn) / 2
        return out


class UNet(nn.Module):
    """Conv4s2 down, ConvT4s2 up, instance normalisation, skips by concatenation; doubled and convolved, tanh."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        last = config.levels - 1
        widths = [config.width * min(2**level, 8) for level in range(config.levels)]
        self._dropout, self._levels = config.dropout, config.levels
        self.down = nn.ModuleList(
            _down(before, after, normed=0 < level < last)
            for level, (before, after) in enumerate(zip([config.in_channels, *widths], widths, strict=False))
        )
        self.up = nn.ModuleList(
            _up(widths[level + 1] * (1 if level + 1 == last else 2), widths[level])
            for level in reversed(range(last))
        )
        self.enlarge = nn.Sequential(nn.Upsample(scale_factor=2), nn.ZeroPad2d((1, 0, 1, 0)))
        self.head = nn.Conv2d(2 * config.width, config.target_channels, 4, padding=1)

    def forward(self, source: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Map `(B, C, H, W)` to float32 `(B, T, H, W)` in [-1, 1]; seeds as the generator's."""
        x, skips = source, []
        for level, down in enumerate(self.down):
            x = self._dropped(down(x), level, seeds, level)
            skips.append(x)
        x = skips.pop()
        for n, up in enumerate(self.up):
            x = self._dropped(up(x), self._levels - 2 - n, seeds, self._levels + n)
            x = torch.cat([x, skips.pop()], dim=1)
        x = self.enlarge(x)
        with full_precision(x):
            return torch.tanh(self.head(x.float()))

    def _dropped(self, x: Tensor, level: int, seeds: Tensor | None, layer: int) -> Tensor:
        if seeds is None or self._dropout == 0 or level < 3:  # levels from 3 have 8 * width channels
            return x
        return seeded_dropout(x, self._dropout, seeds, layer)


class TransformerBranch(nn.Module):
    """Convolutions to 1/8, one vector, tokens on three maps of growing side, convolutions back beside the way down.

    From the coarsest map to the next, pixels are shuffled: a quarter of the channels, twice the side (Jiang, Chang and
    Wang, TransGAN, NeurIPS 2021).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, channels, self._grid = config.branch_width, config.channels, config.grid
        side = 4 * config.grid
        self.down = nn.ModuleList(
            _down(before, after, normed=True)
            for before, after in ((config.in_channels, width), (width, width), (width, BOTTLENECK))
        )
        self.pool = nn.AdaptiveAvgPool2d(side)
        self.vector = nn.Linear(BOTTLENECK * side**2, config.hidden)
        self.tokens = nn.Linear(config.hidden, config.grid**2 * channels)
        self.positions = nn.ModuleList(Positions(channels // 4**n, config.grid * 2**n) for n in range(3))
        self.transformers = nn.ModuleList(
            MapTransformer(channels // 4**n, depth, config.heads) for n, depth in enumerate(config.depths)
        )
        self.narrow = nn.Conv2d(channels // 16, BOTTLENECK, 1)
        self.up = nn.ModuleList(
            _up(before, after)
            for before, after in (
                (BOTTLENECK, width),
                (2 * width, width),
                (2 * width, config.target_channels),
            )
        )
        self.head = nn.Conv2d(
            config.target_channels + config.in_channels, config.target_channels, 3, padding=1
        )

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to float32 `(B, T, H, W)`, not squashed; sides are multiples of 8."""
        x, skips = source, []
        for down in self.down:
            skips.append(x)
            x = down(x)
        sides = x.shape[2:]
        x = self.tokens(self.vector(self.pool(x).flatten(1))).unflatten(1, (-1, self._grid, self._grid))
        for n, (positions, transformer) in enumerate(zip(self.positions, self.transformers, strict=True)):
            x = transformer(positions(x if n == 0 else F.pixel_shuffle(x, 2)))
        x = self.narrow(x)
        if x.shape[2:] != sides:
            x = F.interpolate(x, sides, mode="bilinear", align_corners=False)
        for up in self.up:
            x = torch.cat([up(x), skips.pop()], dim=1)
        with full_precision(x):
            out: Tensor = self.head(x.float())
        return out


class OwnDiscriminator(Discriminator):
    """Four Conv4s2 of 64 to 512 channels with instance normalisation, then Conv4: 16 x 16 verdicts on 256 x 256.

    Args:
        in_channels: of source and target together.
        width: channels of the first layer.
        norm: of the inner layers.
    """

    least_side = 32

    def __init__(self, in_channels: int, width: int, norm: NormKind = "instance") -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before in (width, 2 * width, 4 * width):
            after = 2 * before
            normed = norm2d(norm, after, remembers=False)
            layers += [nn.Conv2d(before, after, 4, 2, 1), normed, nn.LeakyReLU(0.2)]
        layers += [nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(8 * width, 1, 4, padding=1, bias=False)]
        self.layers = nn.Sequential(*layers)
        normal_init(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to verdicts `(B, 1, H / 16, W / 16)`, not squashed."""
        verdicts: Tensor = self.layers(images)
        return verdicts


def _down(before: int, after: int, *, normed: bool) -> nn.Sequential:
    norm = [nn.InstanceNorm2d(after)] if normed else []
    return nn.Sequential(nn.Conv2d(before, after, 4, 2, 1, bias=False), *norm, nn.LeakyReLU(0.2))


def _up(before: int, after: int) -> nn.Sequential:
    conv = nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)
    return nn.Sequential(conv, nn.InstanceNorm2d(after), nn.ReLU())


def _own(config: Config) -> OwnDiscriminator | None:
    seen = config.in_channels + config.target_channels
    if config.adversarial_weight == 0:
        return None
    return OwnDiscriminator(seen, config.width, config.discriminator_norm or "instance")


def build(config: Config) -> Tcgan:
    """Build the translator."""
    return Tcgan(config)
