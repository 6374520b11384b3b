"""Spectral normalisation without memory, and a discriminator of such convolutions.

Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018, carries its power iteration on
from step to step. Losses keep no state here, so the iteration begins anew each time, at the same vector.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision

STEPS = 20
"""Of the power iteration: within about 2 % of the truth for weights as they are drawn."""


def largest_singular_value(matrix: Tensor, steps: int = STEPS) -> Tensor:
    """Return the largest singular value of `(M, N)`, float32: from below, and the closer the more steps.

    The gradient is that of Miyato et al.: the two singular vectors count as constants.
    """
    with full_precision(matrix):
        m = matrix.float()
        with torch.no_grad():
            # Without order, so that no kernel whose values repeat stands at a right angle to it.
            v = torch.cos(torch.arange(1, m.shape[1] + 1, device=m.device, dtype=torch.float32) ** 2)
            for _ in range(steps):
                u = F.normalize(m @ v, dim=0)
                v = F.normalize(m.T @ u, dim=0)
        value: Tensor = u @ m @ v
        return value


class SpectralConv2d(nn.Conv2d):
    """A convolution whose kernel, as a matrix of outputs by all else, is divided by its largest singular value."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve `(B, C, H, W)` with the divided kernel."""
        weight = self.weight / largest_singular_value(self.weight.flatten(1)).clamp(min=1e-12)
        return F.conv2d(x, weight.to(x.dtype), self._bias(x), self.stride, self.padding)

    def _bias(self, x: Tensor) -> Tensor | None:
        return None if self.bias is None else self.bias.to(x.dtype)


def spectral(before: int, after: int, side: int = 3, stride: int = 1, *, bias: bool = True) -> SpectralConv2d:
    """Return such a convolution, padded by half its side, drawn as He et al. (ICCV 2015) do; biases are zero."""
    conv = SpectralConv2d(before, after, side, stride, (side - 1) // 2, bias=bias)
    nn.init.kaiming_normal_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


class SelfAttention(nn.Module):
    """x + gamma * attention(x) over all pixels, unscaled; Zhang et al., SAGAN, ICML 2019.

    Args:
        channels: of the map.
        gamma: what the learnt factor begins with.
    """

    def __init__(self, channels: int, gamma: float = 0.0) -> None:
        super().__init__()
        inner = max(1, channels // 8)
        self.query, self.key = (spectral(channels, inner, 1, bias=False) for _ in range(2))
        self.value = spectral(channels, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.tensor(gamma))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, H, W)`."""
        q, k, v = (part(x).flatten(2).transpose(1, 2) for part in (self.query, self.key, self.value))
        seen = F.scaled_dot_product_attention(q, k, v, scale=1.0)
        return x + self.gamma * seen.transpose(1, 2).reshape(x.shape)


class SpectralDiscriminator(nn.Module):
    """Conv4 with stride 2, then blocks of Conv3 and Conv4 with stride 2, then Conv3 and Conv4 without padding.

    The discriminator of DDColor's and ColorFormer's code; attention follows its first block.

    Args:
        in_channels: of an image.
        width: channels of the first layer; doubled in each block.
        blocks: after the first layer.

    Attributes:
        least_side: shortest side on which there is a verdict.
    """

    def __init__(self, in_channels: int, width: int = 64, blocks: int = 3) -> None:
        super().__init__()
        self.least_side = 4 * 2 ** (blocks + 1)
        layers: list[nn.Module] = [spectral(in_channels, width, 4, 2), nn.ReLU()]
        for n in range(blocks):
            layers += [spectral(width, width), nn.ReLU(), spectral(width, 2 * width, 4, 2), nn.ReLU()]
            width *= 2
            # At 0, as in the code, nothing but gamma itself would learn from the first step.
            layers += [SelfAttention(width, gamma=0.01)] if n == 0 else []
        last = SpectralConv2d(width, 1, 4, bias=False)
        nn.init.kaiming_normal_(last.weight)
        self.layers = nn.Sequential(*layers, spectral(width, width), nn.ReLU(), last)

    def forward(self, images: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to verdicts `(B, 1, h, w)`, not squashed."""
        verdicts: Tensor = self.layers(images)
        return verdicts
