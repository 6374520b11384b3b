"""Registration: a small U-Net that tells how an image has to be bent to lie on another, and the bending itself."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.nets.dimensions import layers_of


class RegistrationNet(nn.Module):
    """Strided convolutions down, linear interpolation up, skips by concatenation; it starts at no displacement.

    It normalises nothing, so that a sample does not depend on its batch and sides may be of any length.

    Args:
        channels: of each of the two images.
        width: channels of the first stage, doubled once.
        levels: times that the sides are halved.
        spatial_dims: 2 or 3.
    """

    def __init__(self, channels: int, width: int, levels: int, *, spatial_dims: int) -> None:
        super().__init__()
        conv, self._up_mode = layers_of(spatial_dims).conv, layers_of(spatial_dims).linear
        widths = [width if level == 0 else 2 * width for level in range(levels + 1)]
        self.stem = conv(2 * channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            conv(widths[n], widths[n + 1], 3, stride=2, padding=1) for n in range(levels)
        )
        self.up = nn.ModuleList(
            conv(widths[n + 1] + widths[n], widths[n], 3, padding=1) for n in reversed(range(levels))
        )
        self.head = conv(widths[0], spatial_dims, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, moving: Tensor, fixed: Tensor) -> Tensor:
        """Return the displacement, float32 `(B, N, *S)` in voxels, along which `warp` takes `moving` onto `fixed`.

        Args:
            moving: `(B, C, *S)`.
            fixed: the same.
        """
        x = _active(self.stem(torch.cat([moving, fixed], dim=1)))
        skips = []
        for down in self.down:
            skips.append(x)
            x = _active(down(x))
        for up in self.up:
            skip = skips.pop()
            x = F.interpolate(x, skip.shape[2:], mode=self._up_mode, align_corners=False)
            x = _active(up(torch.cat([x, skip], dim=1)))
        with full_precision(x):
            out: Tensor = self.head(x.float())
        return out


def warp(image: Tensor, displacement: Tensor, mode: Literal["bilinear", "nearest"] = "bilinear") -> Tensor:
    """Return an image sampled beside its voxels: the value at x is that of the image at x + displacement(x), float32.

    Args:
        image: `(B, C, *S)`; beyond its rim it goes on as at the rim.
        displacement: `(B, N, *S)` in voxels, along the axes in their order.
        mode: linear in two or three dimensions, or `nearest` for labels.
    """
    with full_precision(image):
        sides = image.shape[2:]
        axes = [torch.arange(side, device=image.device, dtype=torch.float32) for side in sides]
        places = torch.stack(torch.meshgrid(*axes, indexing="ij")) + displacement.float()
        # From voxels to [-1, 1]; the last axis comes first there.
        spans = torch.tensor([max(side - 1, 1) for side in sides], device=image.device)
        scaled = 2 * places / spans.reshape(-1, *(1 for _ in sides)) - 1
        grid = torch.movedim(scaled.flip(1), 1, -1)
        return F.grid_sample(image.float(), grid, mode=mode, padding_mode="border", align_corners=True)


def _active(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)
