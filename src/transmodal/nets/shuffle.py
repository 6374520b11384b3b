"""A decoder that enlarges by shuffling pixels, beside an encoder's maps; what DDColor and ColorFormer share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import BatchNorm2d
from transmodal.nets.spectral import spectral


class PixelDecoder(nn.Module):
    """From an encoder's last map up beside the others, doubling each time, then four times at once.

    Args:
        widths: channels of the encoder's maps, the finest first.
        features: channels of the way up; the last two maps have half of them.
    """

    def __init__(self, widths: Sequence[int], features: int) -> None:
        super().__init__()
        skips = list(reversed(widths[:-1]))
        self.widths = (*(features for _ in skips[:-1]), features // 2)
        self.up = nn.ModuleList(
            Up(before, skip, after)
            for before, skip, after in zip((widths[-1], *self.widths), skips, self.widths, strict=False)
        )
        self.last = Enlarge(features // 2, features // 2, 4, normed=False)

    def forward(self, maps: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Return the maps of the way up, the coarsest first, and the last one, four times as large."""
        x, levels = maps[-1], []
        for up, skip in zip(self.up, reversed(maps[:-1]), strict=True):
            x = up(x, skip)
            levels.append(x)
        return levels, self.last(x)


class Up(nn.Module):
    """Doubled, joined by the encoder's normalised map, ReLU, Conv3, ReLU, norm."""

    def __init__(self, before: int, skip: int, after: int) -> None:
        super().__init__()
        self.enlarge = Enlarge(before, after, 2)
        self.norm = BatchNorm2d(skip)
        self.conv = nn.Sequential(
            nn.ReLU(), spectral(after + skip, after, bias=False), nn.ReLU(), BatchNorm2d(after)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map `(B, before, h, w)` and `(B, skip, 2h, 2w)` to `(B, after, 2h, 2w)`."""
        out: Tensor = self.conv(torch.cat([self.enlarge(x), self.norm(skip)], dim=1))
        return out


class Enlarge(nn.Module):
    """A 1 x 1 convolution whose channels become pixels, ReLU, and the mean of each 2 x 2 pixels.

    All pixels that one becomes begin equal, and the mean leaves no squares (Aitken et al., arXiv 1707.02937; Sugawara,
    Shiota and Kiya, arXiv 1806.02658).

    Args:
        before: channels that come in.
        after: channels that go out.
        factor: by which the sides grow.
        normed: whether batch normalisation follows the convolution.
    """

    def __init__(self, before: int, after: int, factor: int, *, normed: bool = True) -> None:
        super().__init__()
        self.factor = factor
        self.conv = spectral(before, after * factor**2, 1, bias=not normed)
        self.norm = BatchNorm2d(after * factor**2) if normed else nn.Identity()
        with torch.no_grad():
            first = self.conv.weight[:: factor**2]
            self.conv.weight.copy_(first.repeat_interleave(factor**2, dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, before, h, w)` to `(B, after, factor * h, factor * w)`."""
        x = F.pixel_shuffle(torch.relu(self.norm(self.conv(x))), self.factor)
        return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, stride=1)
