"""PPT's generator: a ResNet whose maps are projected, to be compared by contrastive terms."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision, normal_init
from transmodal.nets.dimensions import SLICES
from transmodal.nets.resnet import ResidualBlock
from transmodal.translators.ppt.config import Config

TAPS = 5
"""Maps that are compared: the source's, and four more along the encoder."""


class ContrastiveGenerator(nn.Module):
    """ResNet with blurred halvings and smooth doublings, and a projection of each map that is compared."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, depth = config.width, config.downsamplings
        widths = [width * 2**n for n in range(depth + 1)]
        self.in_channels = config.in_channels
        self.pad = nn.ReflectionPad2d(3)
        self.stem = nn.Conv2d(config.in_channels, width, 7)
        self.norms = nn.ModuleList(SLICES.norm("instance", channels) for channels in widths)
        self.down = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths)
        )
        self.blocks = nn.ModuleList(ResidualBlock(widths[-1], "instance") for _ in range(config.blocks))
        self.up = nn.ModuleList(_up(widths[n], widths[n - 1]) for n in range(depth, 0, -1))
        self.head = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, config.target_channels, 7))
        normal_init(self)
        # The published places 0, 4, 8, 12 and 16: input, halvings' convolutions, then every fourth block.
        self._tapped_blocks = tuple(4 * n for n in range(TAPS - 1 - depth) if 4 * n < config.blocks)
        tapped = [config.in_channels, *widths[1:], *(widths[-1] for _ in self._tapped_blocks)]
        self.projections = nn.ModuleList(
            Projection(channels, config.features) for channels in (tapped if config.contrasts else ())
        )

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to float32 `(B, T, H, W)` in [-1, 1]."""
        x = self._walk(source, len(self.blocks))[0]
        for up in self.up:
            x = up(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
        with full_precision(x):
            out: Tensor = torch.tanh(self.head(x.float()))
        return out

    def look(self, image: Tensor, places: Tensor) -> list[Tensor]:
        """Return each map's projected features at its places, `(B, P, F)` of length 1.

        Args:
            image: `(B, C, H, W)`, with the source's channels.
            places: `(B, maps, P)`, int64, on maps whose rows are joined.
        """
        last = self._tapped_blocks[-1] + 1 if self._tapped_blocks else 0
        maps = self._walk(image, last)[1]
        projected = []
        for n, (projection, feature_map) in enumerate(zip(self.projections, maps, strict=True)):
            index = places[:, n, None].expand(-1, feature_map.shape[1], -1)
            projected.append(projection(feature_map.flatten(2).gather(2, index).transpose(1, 2)))
        return projected

    def areas(self, height: int, width: int) -> list[int]:
        """Return the pixels of each map that is compared."""
        depth = len(self.down)
        scales = [2**n for n in range(depth)] + [2**depth for _ in self._tapped_blocks]
        return [(height + 6) * (width + 6), *((height // scale) * (width // scale) for scale in scales)]

    def as_source(self, image: Tensor) -> Tensor:
        """Return an image with the source's channels; where there are others, each is the image's mean."""
        if image.shape[1] == self.in_channels:
            return image
        return image.mean(dim=1, keepdim=True).expand(-1, self.in_channels, -1, -1)

    def _walk(self, source: Tensor, blocks: int) -> tuple[Tensor, list[Tensor]]:
        """Return the innermost map behind so many blocks, and the maps that are compared."""
        padded = self.pad(source)
        x, maps = torch.relu(self.norms[0](self.stem(padded))), [padded]
        for conv, norm in zip(self.down, list(self.norms)[1:], strict=True):
            maps.append(conv(x))
            x = blurred_half(torch.relu(norm(maps[-1])))
        for n, block in enumerate(list(self.blocks)[:blocks]):
            x = block(x)
            if n in self._tapped_blocks:
                maps.append(x)
        return x, maps


class Projection(nn.Module):
    """Two linear layers, then length 1."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(channels, features), nn.ReLU(), nn.Linear(features, features))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, P, C)` to `(B, P, F)`."""
        return F.normalize(self.layers(x).float(), dim=2)


def blurred_half(x: Tensor) -> Tensor:
    """Return `(B, C, H / 2, W / 2)`: blurred by (1, 2, 1) / 4, mirrored at edges; Zhang, ICML 2019."""
    taps = x.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=x.shape[1])


def _up(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), SLICES.norm("instance", after), nn.ReLU())
