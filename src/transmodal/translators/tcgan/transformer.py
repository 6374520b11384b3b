"""TCGAN's transformer, which grows its map as TransGAN does."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.nets.vit import MapTransformer, Positions
from transmodal.translators.tcgan.config import Config
from transmodal.translators.tcgan.stages import double, halve

BOTTLENECK = 3
"""Channels of the map, at 1/8 of the sides, that becomes a vector and that the tokens become."""

REDUCTION = 8
"""Factor by which the transformer's convolutions reduce the sides."""


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
            halve(before, after, normed=True)
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
            double(before, after)
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
