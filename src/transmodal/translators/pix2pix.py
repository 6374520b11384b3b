"""pix2pix: Isola, Zhu, Zhou and Efros, Image-to-Image Translation with Conditional Adversarial Networks, CVPR 2017.

A U-Net of eight stages against a 70 x 70 patch discriminator, and 100 L1; of patches, both in three dimensions. The paper's noise is
dropout in three inner stages, at training and at test time; here translation is without it by default, so that
the same image gives the same result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.nets.blocks import (
    NormKind,
    TranslateWith,
    full_precision,
    normal_init,
    seeded_dropout,
    translate_with,
)
from transmodal.nets.dimensions import Layers, layers_of
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    ConditionalGanConfig,
    Outputs,
    patch_discriminator,
)


class Config(ConditionalGanConfig):
    """The paper's values.

    Attributes:
        levels: times that the sides are halved; 8 takes 256 x 256 to 1 x 1.
        norm: `batch` as the paper, or `instance`.
        dropout: in the three stages behind the innermost one, while training.
        translate_with: what batch norm takes while translating: each window's own statistics, as the published test
            does, or training's `running` averages; instance norm always takes the window's own.
    """

    earlier: ClassVar[Mapping[str, object]] = {"translate_with": "running"}

    levels: int = Field(8, ge=2, le=9)
    norm: Literal["batch", "instance"] = "batch"
    dropout: float = Field(0.5, ge=0, lt=1)
    translate_with: TranslateWith = "batch_statistics"


class Pix2Pix(ConditionalGan):
    """A conditional GAN with two players."""

    supported_dims = (2, 3)
    takes_plane = True
    config: Config

    def __init__(self, config: Config) -> None:
        generator, discriminator = UNetGenerator(config), patch_discriminator(config, config.norm)
        super().__init__(
            config, generator, discriminator, multiple=2**config.levels, steps_first="discriminator"
        )
        translate_with(generator, config.translate_with)

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, *S)` into `(B, T, *S)` in [-1, 1]; `noise` are seeds of the dropout."""
        self.check(source, available)
        out: Tensor = self.generator(source, noise)
        return out

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once, with dropout from the batch's seeds while training.

        Raises:
            UsageError: E004 for windows on which the discriminator has no verdict, and as `check`.
        """
        self.check_judged(batch)
        return Outputs(self(batch.source, batch.available, noise=batch.draw if self.training else None))


class UNetGenerator(nn.Module):
    """pix2pix's U-Net: Conv4s2 down, ConvT4s2 up, skips by concatenation, tanh."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        levels, norm, nd = config.levels, config.norm, layers_of(config.spatial_dims)
        widths = [config.width * min(2**level, 8) for level in range(levels)]
        self._dropout = config.dropout
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level in range(levels):
            before = config.in_channels if level == 0 else widths[level - 1]
            outermost, innermost = level == 0, level == levels - 1
            # No norm on the image itself, and none at the bottom, where the paper's map is 1 x 1.
            kind: NormKind = "none" if outermost or innermost else norm
            self.down.append(_Down(nd, before, widths[level], kind, bias=norm == "instance"))
        for level in reversed(range(1, levels)):
            twice = widths[level] * (1 if level == levels - 1 else 2)
            self.up.append(_Up(nd, twice, widths[level - 1], norm))
        self.head = nd.conv_transpose(2 * widths[0], config.target_channels, 4, 2, 1)
        normal_init(self)

    def forward(self, source: Tensor, seeds: Tensor | None = None) -> Tensor:
        """Map `(B, C, *S)` to float32 `(B, T, *S)` in [-1, 1].

        Args:
            source: sides are multiples of `2 ** levels`.
            seeds: `(B,)`, one per sample, for dropout; None drops nothing.
        """
        x, skips = source, []
        for n, down in enumerate(self.down):
            x = down(x, activate=n > 0)
            skips.append(x)
        x = skips.pop()
        for n, up in enumerate(self.up):
            x = up(x)
            if seeds is not None and self._dropout > 0 and 1 <= n <= 3 and n < len(self.up) - 1:
                x = seeded_dropout(x, self._dropout, seeds, n)
            x = torch.cat([x, skips.pop()], dim=1)
        with full_precision(x):
            out: Tensor = torch.tanh(self.head(torch.relu(x.float())))
        return out


class _Down(nn.Module):
    def __init__(self, nd: Layers, before: int, after: int, norm: NormKind, *, bias: bool) -> None:
        super().__init__()
        self.conv = nd.conv(before, after, 4, 2, 1, bias=bias)
        self.norm = nd.norm(norm, after)

    def forward(self, x: Tensor, *, activate: bool) -> Tensor:
        out: Tensor = self.norm(self.conv(torch.nn.functional.leaky_relu(x, 0.2) if activate else x))
        return out


class _Up(nn.Module):
    def __init__(self, nd: Layers, before: int, after: int, norm: NormKind) -> None:
        super().__init__()
        self.conv = nd.conv_transpose(before, after, 4, 2, 1, bias=norm == "instance")
        self.norm = nd.norm(norm, after)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.conv(torch.relu(x)))
        return out


def build(config: Config) -> Pix2Pix:
    """Build the translator."""
    return Pix2Pix(config)
