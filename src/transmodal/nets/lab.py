"""CIELAB colours and sRGB in [0, 1], both ways, with the white of D65."""

from __future__ import annotations

import torch
from torch import Tensor

from transmodal.nets.blocks import full_precision

# sRGB's primaries, IEC 61966-2-1; rows give X, Y and Z.
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_WHITE = tuple(sum(row) for row in _TO_XYZ)
_KNEE = 6 / 29


def rgb_to_lab(colour: Tensor) -> Tensor:
    """Return L in [0, 100], a and b, of `(B, 3, H, W)` in [0, 1]; float32."""
    colour = colour.float()
    linear = torch.where(
        colour > 0.04045, ((colour.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, colour / 12.92
    )
    xyz = _mixed(linear, linear.new_tensor(_TO_XYZ)) / linear.new_tensor(_WHITE).view(3, 1, 1)
    f = torch.where(xyz > _KNEE**3, xyz.clamp(min=_KNEE**3) ** (1 / 3), xyz / (3 * _KNEE**2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Return `(B, 3, H, W)` in [0, 1], float32; colours that sRGB does not have are cut off.

    Args:
        lab: `(B, 3, H, W)`, L in [0, 100], a and b.
    """
    light, a, b = lab.float().unbind(1)
    y = (light + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], dim=1)
    xyz = torch.where(f > _KNEE, f**3, 3 * _KNEE**2 * (f - 4 / 29)) * f.new_tensor(_WHITE).view(3, 1, 1)
    linear = _mixed(xyz, torch.linalg.inv(torch.tensor(_TO_XYZ, device="cpu")).to(f))
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear > 0.0031308, curved, 12.92 * linear).clamp(0, 1)


def _mixed(x: Tensor, matrix: Tensor) -> Tensor:
    with full_precision(x):
        return torch.einsum("ij,bjhw->bihw", matrix, x)
