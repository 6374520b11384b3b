"""The residual generator of Johnson et al., ECCV 2016, as CycleGAN and those after it use it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from transmodal.nets.blocks import NormKind, full_precision, normal_init
from transmodal.nets.dimensions import Layers, layers_of


class ResNetGenerator(nn.Module):
    """Conv7, two strided convolutions, residual blocks, two transposed convolutions, Conv7, tanh.

    Args:
        in_channels: of the source.
        out_channels: of the output.
        width: channels of the first stage; doubled at each of the two next.
        blocks: residual blocks at a quarter of the resolution.
        norm: of all stages but the last.
        spatial_dims: 2 or 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        blocks: int,
        norm: NormKind = "instance",
        *,
        spatial_dims: int = 2,
    ) -> None:
        super().__init__()
        nd, bias = layers_of(spatial_dims), norm != "batch"
        self.stem = nn.Sequential(
            nd.reflect(3), nd.conv(in_channels, width, 7, bias=bias), nd.norm(norm, width), nn.ReLU()
        )
        self.down = nn.Sequential(*(_down(nd, width * n, norm) for n in (1, 2)))
        self.blocks = nn.Sequential(
            *(ResidualBlock(4 * width, norm, spatial_dims=spatial_dims) for _ in range(blocks))
        )
        self.up = nn.Sequential(*(_up(nd, width * n, norm) for n in (4, 2)))
        self.head = nn.Sequential(nd.reflect(3), nd.conv(width, out_channels, 7))
        normal_init(self)

    def encode(self, source: Tensor) -> Tensor:
        """Map `(B, C, *S)` to `(B, 4 * width, *S / 4)`."""
        encoded: Tensor = self.down(self.stem(source))
        return encoded

    def decode(self, x: Tensor) -> Tensor:
        """Map `(B, 4 * width, *s)` to float32 `(B, out, *4 s)` in [-1, 1]."""
        x = self.up(x)
        with full_precision(x):
            out: Tensor = torch.tanh(self.head(x.float()))
        return out

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, C, *S)` to float32 `(B, out, *S)` in [-1, 1]; sides are multiples of 4."""
        return self.decode(self.blocks(self.encode(source)))


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), with reflection at the edges."""

    def __init__(self, channels: int, norm: NormKind, *, spatial_dims: int = 2) -> None:
        super().__init__()
        nd, bias = layers_of(spatial_dims), norm != "batch"
        self.layers = nn.Sequential(
            nd.reflect(1), nd.conv(channels, channels, 3, bias=bias), nd.norm(norm, channels), nn.ReLU(),
            nd.reflect(1), nd.conv(channels, channels, 3, bias=bias), nd.norm(norm, channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, *S)`."""
        out: Tensor = x + self.layers(x)
        return out


def _down(nd: Layers, channels: int, norm: NormKind) -> nn.Sequential:
    conv = nd.conv(channels, 2 * channels, 3, 2, 1, bias=norm != "batch")
    return nn.Sequential(conv, nd.norm(norm, 2 * channels), nn.ReLU())


def _up(nd: Layers, channels: int, norm: NormKind) -> nn.Sequential:
    conv = nd.conv_transpose(channels, channels // 2, 3, 2, 1, output_padding=1, bias=norm != "batch")
    return nn.Sequential(conv, nd.norm(norm, channels // 2), nn.ReLU())
