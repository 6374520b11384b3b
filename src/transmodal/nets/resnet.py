"""The residual generator of Johnson et al., ECCV 2016, as CycleGAN and those after it use it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from transmodal.nets.blocks import NormKind, full_precision, norm2d, normal_init


class ResNetGenerator(nn.Module):
    """Conv7, two strided convolutions, residual blocks, two transposed convolutions, Conv7, tanh.

    Args:
        in_channels: of the source.
        out_channels: of the output.
        width: channels of the first stage; doubled at each of the two next.
        blocks: residual blocks at a quarter of the resolution.
        norm: of all stages but the last.
    """

    def __init__(
        self, in_channels: int, out_channels: int, width: int, blocks: int, norm: NormKind = "instance"
    ) -> None:
        super().__init__()
        bias = norm != "batch"
        self.stem = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(in_channels, width, 7, bias=bias), norm2d(norm, width), nn.ReLU()
        )
        self.down = nn.Sequential(*(_down(width * n, norm) for n in (1, 2)))
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width, norm) for _ in range(blocks)))
        self.up = nn.Sequential(*(_up(width * n, norm) for n in (4, 2)))
        self.head = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, out_channels, 7))
        normal_init(self)

    def encode(self, source: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to `(B, 4 * width, H / 4, W / 4)`."""
        encoded: Tensor = self.down(self.stem(source))
        return encoded

    def decode(self, x: Tensor) -> Tensor:
        """Map `(B, 4 * width, h, w)` to float32 `(B, out, 4 h, 4 w)` in [-1, 1]."""
        x = self.up(x)
        with full_precision(x):
            out: Tensor = torch.tanh(self.head(x.float()))
        return out

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to float32 `(B, out, H, W)` in [-1, 1]; sides are multiples of 4."""
        return self.decode(self.blocks(self.encode(source)))


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), with reflection at the edges."""

    def __init__(self, channels: int, norm: NormKind) -> None:
        super().__init__()
        bias = norm != "batch"
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm2d(norm, channels), nn.ReLU(),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm2d(norm, channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, H, W)`."""
        out: Tensor = x + self.layers(x)
        return out


def _down(channels: int, norm: NormKind) -> nn.Sequential:
    conv = nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=norm != "batch")
    return nn.Sequential(conv, norm2d(norm, 2 * channels), nn.ReLU())


def _up(channels: int, norm: NormKind) -> nn.Sequential:
    conv = nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, output_padding=1, bias=norm != "batch")
    return nn.Sequential(conv, norm2d(norm, channels // 2), nn.ReLU())
