"""Small blocks that several networks share."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

NormKind = Literal["batch", "instance", "none"]


def norm2d(kind: NormKind, channels: int) -> nn.Module:
    """Return the normalisation of a 2D stage; instance normalisation has no parameters, as in pix2pix."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "instance":
        return nn.InstanceNorm2d(channels)
    return nn.Identity()


def seeded_dropout(x: Tensor, p: float, seeds: Tensor, layer: int) -> Tensor:
    """Drop values of each sample by its own seed, so that nothing depends on how samples are batched.

    Args:
        x: `(B, C, *S)`.
        p: share that is dropped; what stays is scaled by 1 / (1 - p).
        seeds: `(B,)` int64.
        layer: number of the layer; another layer draws other numbers from the same seeds.
    """
    keep = torch.stack([_uniform(x.shape[1:], int(seed), layer) for seed in seeds.tolist()])
    return x * ((keep >= p).to(x) / (1 - p)).to(x.device)


def normal_init(module: nn.Module, deviation: float = 0.02) -> None:
    """Draw convolutions from N(0, deviation) and batch norm's scales from N(1, deviation), as pix2pix does."""
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(part.weight, 0.0, deviation)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight, 1.0, deviation)
            nn.init.zeros_(part.bias)


def _uniform(shape: torch.Size, seed: int, layer: int) -> Tensor:
    generator = torch.Generator().manual_seed((seed + 0x9E3779B97F4A7C15 * (layer + 1)) % 2**63)
    return torch.rand(shape, generator=generator)
