"""Latent maps of one contrast turned into another's: residual blocks of SPADE, a set for each class of target."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Spade(nn.Module):
    """Scale and shift every place of a normalised map, by convolutions of the map before its normalisation.

    SPADE (Park et al., CVPR 2019) as ALDM applies it: what modulates a map is the map itself.

    Args:
        channels: of the map.
        hidden: channels between the map and its modulation.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.shared = nn.Conv2d(channels, hidden, 3, padding=1)
        self.scale = nn.Conv2d(hidden, channels, 3, padding=1)
        self.shift = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, normalised: Tensor) -> Tensor:
        """Keep the shape `(B, C, h, w)` of the map and of its normalisation."""
        hidden = F.relu(self.shared(x))
        out: Tensor = normalised * (1 + self.scale(hidden)) + self.shift(hidden)
        return out


class SwitchableSpade(nn.Module):
    """Instance normalisation without parameters, then the SPADE of each sample's own class."""

    def __init__(self, classes: int, channels: int, hidden: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(Spade(channels, hidden) for _ in range(classes))

    def forward(self, x: Tensor, classes: Tensor) -> Tensor:
        """Map `(B, C, h, w)` and classes `(B,)` to the same shape."""
        normalised = F.instance_norm(x)
        if len(self.parts) == 1:
            only: Tensor = self.parts[0](x, normalised)
            return only
        # A class that no sample has gets an empty batch, so that its parameters have a gradient (zero) on every
        # process, as averaging over processes needs.
        rows = [classes == n for n in range(len(self.parts))]
        outs = [part(x[row], normalised[row]) for part, row in zip(self.parts, rows, strict=True)]
        order = torch.cat([row.nonzero()[:, 0] for row in rows])
        return torch.cat(outs)[order.argsort()]


class SpadeResidual(nn.Module):
    """Two convolutions, each after a switchable SPADE and a leaky ReLU, beside a skip."""

    def __init__(self, classes: int, before: int, after: int, hidden: int) -> None:
        super().__init__()
        between = min(before, after)
        self.norm1 = SwitchableSpade(classes, before, hidden)
        self.norm2 = SwitchableSpade(classes, between, hidden)
        self.conv1, self.conv2 = (
            nn.Conv2d(before, between, 3, padding=1),
            nn.Conv2d(between, after, 3, padding=1),
        )
        self.skip = nn.Conv2d(before, after, 1, bias=False) if before != after else nn.Identity()

    def forward(self, x: Tensor, classes: Tensor) -> Tensor:
        """Map `(B, before, h, w)` and classes `(B,)` to `(B, after, h, w)`."""
        inner = self.conv1(F.leaky_relu(self.norm1(x, classes), 0.2))
        out: Tensor = self.skip(x) + self.conv2(F.leaky_relu(self.norm2(inner, classes), 0.2))
        return out


class LatentMapper(nn.Module):
    """From the latent map of any contrast to that of the target's contrast: ALDM's MS-SPADE block.

    Args:
        classes: contrasts that a target may have.
        latent: channels of latent maps.
        width: channels within; twice as many at the widest.
        hidden: channels of each modulation.
    """

    def __init__(self, classes: int, latent: int, width: int, hidden: int) -> None:
        super().__init__()
        widths = (latent, width, 2 * width, width, latent)
        self.blocks = nn.ModuleList(
            SpadeResidual(classes, before, after, hidden) for before, after in itertools.pairwise(widths)
        )

    def forward(self, latent: Tensor, classes: Tensor) -> Tensor:
        """Map latents `(B, Z, h, w)` and target classes `(B,)` to float32 latents of the same shape."""
        for block in self.blocks:
            latent = block(latent, classes)
        return latent.float()
