"""ConvNeXt: Liu et al., A ConvNet for the 2020s, CVPR 2022; the maps of its four stages."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvNeXt(nn.Module):
    """Patches of 4 x 4, four stages of blocks, halved between them; each stage's map is normalised on its way out.

    Args:
        in_channels: of an image.
        width: channels of the first stage; doubled in each of the next.
        depths: blocks of each stage; the tiny network has 3, 3, 9, 3 at width 96.
    """

    def __init__(self, in_channels: int, width: int, depths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.widths = tuple(width * 2**n for n in range(4))
        self.shrink = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(in_channels, width, 4, 4), PixelNorm(width))]
            + [
                nn.Sequential(PixelNorm(channels), nn.Conv2d(channels, 2 * channels, 2, 2))
                for channels in self.widths[:-1]
            ]
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(channels) for _ in range(depth)))
            for channels, depth in zip(self.widths, depths, strict=True)
        )
        self.norms = nn.ModuleList(PixelNorm(channels) for channels in self.widths)
        for part in self.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(part.weight, std=0.02)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return maps of `(B, width * 2 ** n, H / 2 ** (n + 2), W / 2 ** (n + 2))`; sides are multiples of 32."""
        x, maps = images, []
        for shrink, stage, norm in zip(self.shrink, self.stages, self.norms, strict=True):
            x = stage(shrink(x))
            maps.append(norm(x))
        return maps


class Block(nn.Module):
    """x + gamma * perceptron(norm(depthwise 7x7 (x))), gamma of each channel beginning at 1e-6."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.perceptron = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )
        self.gamma = nn.Parameter(torch.full((channels,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, H, W)`."""
        inner: Tensor = self.perceptron(self.norm(self.depthwise(x).permute(0, 2, 3, 1)))
        return x + (self.gamma * inner).permute(0, 3, 1, 2)


class PixelNorm(nn.LayerNorm):
    """Layer normalisation of each pixel's channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, H, W)`."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
