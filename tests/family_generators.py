"""Generators written with the names of the pix2pix and CycleGAN family, from the papers' figures and the names alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def norm(kind: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels)


class Level(nn.Module):
    """One level of the nested U-Net; what is skipped stands before what comes from below."""

    def __init__(
        self, outer: int, inner: int, below: nn.Module | None, kind: str, ends: tuple[int, int] | None
    ) -> None:
        super().__init__()
        bias = kind == "instance"
        self.is_outermost, self.is_innermost = ends is not None, below is None
        first, last = ends or (outer, outer)
        down = nn.Conv2d(first, inner, 4, 2, 1, bias=bias)
        up = nn.ConvTranspose2d(
            inner if below is None else 2 * inner, last, 4, 2, 1, bias=bias or self.is_outermost
        )
        leak, relu = nn.LeakyReLU(0.2), nn.ReLU()
        if ends is not None:
            parts = [down, below, relu, up, nn.Tanh()]
        elif below is None:
            parts = [leak, down, relu, up, norm(kind, outer)]
        else:
            parts = [leak, down, norm(kind, inner), below, relu, up, norm(kind, outer), nn.Dropout(0.5)]
        self.model = nn.Sequential(*parts)  # type: ignore[arg-type]  # the outermost has one below

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x)
        return out if self.is_outermost else torch.cat([x, out], 1)


class NestedUNet(nn.Module):
    """A U-Net of `unet_256` (8 levels) and `unet_128` (7)."""

    def __init__(self, channels: tuple[int, int], width: int, levels: int, kind: str) -> None:
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(levels)]
        block: nn.Module | None = None
        for level in reversed(range(1, levels)):
            block = Level(widths[level - 1], widths[level], block, kind, None)
        self.model = Level(0, widths[0], block, kind, channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x)
        return out


class Block(nn.Module):
    """A residual block; with dropout the names behind it move by one."""

    def __init__(self, channels: int, *, has_dropout: bool) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        dropout = [nn.Dropout(0.5)] if has_dropout else []
        self.conv_block = nn.Sequential(*half, nn.ReLU(), *dropout, *again)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv_block(x)
        return out


class Residual(nn.Module):
    """A generator of `resnet_9blocks` and `resnet_6blocks`."""

    def __init__(self, channels: tuple[int, int], width: int, blocks: int, *, has_dropout: bool) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels[0], width, 7)]
        parts += [nn.InstanceNorm2d(width), nn.ReLU()]
        for n in (1, 2):
            parts += [
                nn.Conv2d(width * n, 2 * width * n, 3, 2, 1),
                nn.InstanceNorm2d(2 * width * n),
                nn.ReLU(),
            ]
        parts += [Block(4 * width, has_dropout=has_dropout) for _ in range(blocks)]
        for n in (4, 2):
            up = nn.ConvTranspose2d(width * n, width * n // 2, 3, 2, 1, output_padding=1)
            parts += [up, nn.InstanceNorm2d(width * n // 2), nn.ReLU()]
        parts += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels[1], 7), nn.Tanh()]
        self.model = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x)
        return out


def draw(network: nn.Module, seed: int = 0) -> nn.Module:
    """Fill a network, its statistics too, with values large enough that every layer counts."""
    draw_from = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                values = torch.randn(tensor.shape, generator=draw_from)
                scale = 0.3 if tensor.ndim > 1 else 0.2
                tensor.copy_(values.abs() + 0.5 if name.endswith(("running_var",)) else values * scale)
    return network.eval()


def own_statistics(network: nn.Module) -> nn.Module:
    """Let batch normalisation take each image's own statistics, as the family's test does; an image at a time."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.forward = lambda x, part=part: F.batch_norm(  # type: ignore[method-assign,misc]
                x, None, None, part.weight, part.bias, training=True
            )
    return network
