"""A residual U-Net for two or three dimensions: one code for both."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.nets.dimensions import layers_of


class ResidualUNet(nn.Module):
    """U-Net whose stages are residual blocks; strided convolutions down, linear interpolation up.

    Interpolation and convolution upwards instead of a transposed convolution leave no checkerboard.
    The normalisation is by group, so a sample does not depend on its batch.

    Args:
        in_channels: of the source.
        out_channels: of the output; the head is linear.
        width: channels of the first stage; doubled at each of the next, up to `8 * width`.
        blocks: residual blocks of each stage on the way down; between two stages the sides are halved.
        heads: finest resolutions that have an output of their own.
        spatial_dims: 2 or 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        blocks: Sequence[int],
        *,
        heads: int = 1,
        spatial_dims: int,
    ) -> None:
        super().__init__()
        levels = len(blocks) - 1
        widths = [width * min(2**level, 8) for level in range(levels + 1)]
        conv, self._up_mode = layers_of(spatial_dims).conv, layers_of(spatial_dims).linear
        self.stem = conv(in_channels, width, 3, padding=1)
        self.down = nn.ModuleList()
        self.shrink = nn.ModuleList()
        for level in range(levels):
            self.down.append(_stage(widths[level], blocks[level], spatial_dims))
            self.shrink.append(conv(widths[level], widths[level + 1], 2, stride=2))
        self.bottom = _stage(widths[-1], blocks[-1], spatial_dims)
        self.narrow = nn.ModuleList()
        self.up = nn.ModuleList()
        for level in reversed(range(levels)):
            self.narrow.append(conv(widths[level + 1], widths[level], 1))
            self.up.append(_stage(widths[level], 1, spatial_dims))
        self.norm = _norm(width)
        self.head = conv(width, out_channels, 3, padding=1)
        self.coarse = nn.ModuleList(
            nn.Sequential(_norm(wide), nn.SiLU(), conv(wide, out_channels, 1)) for wide in widths[1:heads]
        )

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, C, *S)` to float32 `(B, out, *S)`; sides are multiples of 2 to the number of halvings."""
        return self._finest(self._maps(source)[-1])

    def pyramid(self, source: Tensor) -> tuple[Tensor, ...]:
        """Return every head's output, the finest first; each next one has half the sides."""
        *maps, last = self._maps(source)
        with full_precision(last):
            coarse = [head(x.float()) for head, x in zip(self.coarse, reversed(maps), strict=False)]
        return (self._finest(last), *coarse)

    def _maps(self, source: Tensor) -> list[Tensor]:
        """Return the maps of the way up, the finest last."""
        x, maps = self.stem(source), list[Tensor]()
        skips = []
        for stage, shrink in zip(self.down, self.shrink, strict=True):
            x = stage(x)
            skips.append(x)
            x = shrink(x)
        x = self.bottom(x)
        for narrow, stage in zip(self.narrow, self.up, strict=True):
            # A 1x1 convolution commutes with interpolation: before it, it costs a quarter (an eighth).
            x = F.interpolate(narrow(x), scale_factor=2.0, mode=self._up_mode, align_corners=False)
            x = stage(x + skips.pop())
            maps.append(x)
        return maps

    def _finest(self, x: Tensor) -> Tensor:
        with full_precision(x):
            out: Tensor = self.head(F.silu(self.norm(x.float())))
        return out


class ResidualBlock(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))), starting near the identity."""

    def __init__(self, channels: int, spatial_dims: int) -> None:
        super().__init__()
        conv = layers_of(spatial_dims).conv
        self.norm1, self.norm2 = _norm(channels), _norm(channels)
        self.conv1 = conv(channels, channels, 3, padding=1)
        self.conv2 = conv(channels, channels, 3, padding=1)
        with torch.no_grad():
            self.conv2.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, *S)`."""
        inner = self.conv1(F.silu(self.norm1(x)))
        out: Tensor = x + self.conv2(F.silu(self.norm2(inner)))
        return out


def _stage(channels: int, blocks: int, spatial_dims: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels, spatial_dims) for _ in range(blocks)))


def groups_of(channels: int) -> int:
    """Return the groups in which so many channels are normalised together."""
    return next(n for n in (8, 4, 2, 1) if channels % n == 0)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(groups_of(channels), channels)
