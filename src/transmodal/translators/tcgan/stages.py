"""Stages that halve and double sides, which the U-Net and the transformer share."""

from __future__ import annotations

from torch import nn


def halve(before: int, after: int, *, normed: bool) -> nn.Sequential:
    """Return Conv4 of stride 2, instance normalisation where `normed`, LeakyReLU 0.2."""
    norm = [nn.InstanceNorm2d(after)] if normed else []
    return nn.Sequential(nn.Conv2d(before, after, 4, 2, 1, bias=False), *norm, nn.LeakyReLU(0.2))


def double(before: int, after: int) -> nn.Sequential:
    """Return ConvT4 of stride 2, instance normalisation, ReLU."""
    conv = nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)
    return nn.Sequential(conv, nn.InstanceNorm2d(after), nn.ReLU())
