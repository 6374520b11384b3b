"""The label U-Net of MRI colorization: that of Ronneberger et al., MICCAI 2015, with batch normalisation and padding."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision


class LabelUNet(nn.Module):
    """A U-Net that names each pixel's label: twice Conv3, batch norm, ReLU on each of five levels.

    Args:
        channels: of the image.
        classes: of the labels.
        width: channels of the first level; doubled on each level.
    """

    least_side = 32

    def __init__(self, channels: int, classes: int, width: int = 64) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        pairs = list(pairwise(widths))
        self.first = _twice(channels, width)
        self.down = nn.ModuleList(_twice(before, after) for before, after in pairs)
        self.grow = nn.ModuleList(nn.ConvTranspose2d(below, above, 2, 2) for above, below in reversed(pairs))
        self.up = nn.ModuleList(_twice(below, above) for above, below in reversed(pairs))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to float32 logits `(B, classes, H, W)`; sides of 16 or more, of any length."""
        x = self.first(image)
        skips = []
        for stage in self.down:
            skips.append(x)
            x = stage(F.max_pool2d(x, 2))
        for grow, stage in zip(self.grow, self.up, strict=True):
            skip = skips.pop()
            grown = grow(x)
            padding = (skip.shape[3] - grown.shape[3], skip.shape[2] - grown.shape[2])
            grown = F.pad(grown, (0, padding[0], 0, padding[1]))
            x = stage(torch.cat([skip, grown], dim=1))
        with full_precision(x):
            out: Tensor = self.head(x.float())
        return out

    def settled(self, image: Tensor) -> Tensor:
        """As `forward`, but in evaluation mode: batch normalisation neither adapts to the image nor remembers it."""
        was_training = self.training
        try:
            return self.eval()(image)  # type: ignore[no-any-return]
        finally:
            self.train(was_training)


def _twice(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)
