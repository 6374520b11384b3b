"""TCGAN's generator: a U-Net and a transformer, as they are arranged."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision, normal_init, seeded_dropout
from transmodal.translators.tcgan.config import Config
from transmodal.translators.tcgan.stages import double, halve
from transmodal.translators.tcgan.transformer import TransformerBranch


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
        branch_image = None if self.branch is None else self.branch(source)
        if branch_image is not None and self._arrangement == "serial":
            source = (branch_image + source) / 2
        out: Tensor = self.unet(source, seeds)
        if branch_image is not None and self._arrangement == "parallel":
            out = (out + branch_image) / 2
        return out


class UNet(nn.Module):
    """Conv4s2 down, ConvT4s2 up, instance normalisation, skips by concatenation; doubled and convolved, tanh."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        last = config.levels - 1
        widths = [config.width * min(2**level, 8) for level in range(config.levels)]
        self._dropout, self._levels = config.dropout, config.levels
        self.down = nn.ModuleList(
            halve(before, after, normed=0 < level < last)
            for level, (before, after) in enumerate(zip([config.in_channels, *widths], widths, strict=False))
        )
        self.up = nn.ModuleList(
            double(widths[level + 1] * (1 if level + 1 == last else 2), widths[level])
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
