"""Residual discriminators in the manner of StyleGAN2, and one that compares patches.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, CVPR 2020: weights are drawn from N(0, 1) and
scaled by 1 / sqrt(fan-in) when they are used, activations are sqrt(2) LeakyReLU, and images are smoothed before each
halving. Park et al., Swapping Autoencoder for Deep Image Manipulation, NeurIPS 2020: patches against patches.
"""

from __future__ import annotations

import math
from functools import reduce
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.dimensions import layers_of


class ScaledConv(nn.Module):
    """A convolution with weights scaled by 1 / sqrt(fan-in).

    Args:
        before: channels.
        after: channels.
        kernel: side of the kernel.
        halve: smooth and halve the sides, rounded down.
        activate: add a bias and apply sqrt(2) LeakyReLU 0.2.
        pad: keep the sides; of no effect when they are halved.
        dims: spatial dimensions, 2 or 3.
    """

    smoother: Tensor

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int,
        *,
        halve: bool = False,
        activate: bool = True,
        pad: bool = True,
        dims: int = 2,
    ) -> None:
        super().__init__()
        self._nd = layers_of(dims)
        self.weight = nn.Parameter(torch.randn(after, before, *(kernel,) * dims))
        self.bias = nn.Parameter(torch.zeros(after)) if activate else None
        self._scale = 1 / math.sqrt(before * kernel**dims)
        self._halve, self._pad = halve, kernel // 2 if pad else 0
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        smoother = reduce(lambda kernels, taps: kernels[..., None] * taps, [line] * dims)
        self.register_buffer("smoother", smoother, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, before, *S)` to `(B, after, *s)`."""
        nd, weight = self._nd, self.weight * self._scale
        if self._halve:
            channels = x.shape[1]
            kernel = self.smoother.to(x).expand(channels, 1, *self.smoother.shape)
            x = nd.convolve(nd.convolve(x, kernel, padding=self._pad + 1, groups=channels), weight, stride=2)
        else:
            x = nd.convolve(x, weight, padding=self._pad)
        return x if self.bias is None else _activated(x + nd.per_channel(self.bias))


class ScaledLinear(nn.Module):
    """A linear layer with weights scaled by 1 / sqrt(fan-in).

    Args:
        before: features.
        after: features.
        activate: apply sqrt(2) LeakyReLU 0.2.
    """

    def __init__(self, before: int, after: int, *, activate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before))
        self.bias = nn.Parameter(torch.zeros(after))
        self._scale, self._activate = 1 / math.sqrt(before), activate

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, before)` to `(B, after)`."""
        out = F.linear(x, self.weight * self._scale, self.bias)
        return _activated(out) if self._activate else out


class ResidualBlock(nn.Module):
    """Two convolutions with kernels of 3 and a shortcut with one of 1, added and divided by sqrt(2); the sides are halved.

    Args:
        before: channels.
        after: channels.
        halve: halve the sides, rounded down; otherwise they stay.
        dims: spatial dimensions, 2 or 3.
    """

    def __init__(self, before: int, after: int, *, halve: bool = True, dims: int = 2) -> None:
        super().__init__()
        self.first = ScaledConv(before, before, 3, dims=dims)
        self.second = ScaledConv(before, after, 3, halve=halve, dims=dims)
        self.shortcut = ScaledConv(before, after, 1, halve=halve, activate=False, dims=dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, before, *S)` to `(B, after, *s)`."""
        out: Tensor = (self.second(self.first(x)) + self.shortcut(x)) / math.sqrt(2)
        return out


class ResidualDiscriminator(nn.Module):
    """One verdict on an image.

    At 256 x 256, six levels leave 4 x 4; maps of other sizes are averaged into 4 x 4, or into 4 x 4 x 4.

    Args:
        in_channels: of the image.
        width: channels of the first stage; doubled up to `4 * width`. StyleGAN2 has 128 at 256 x 256.
        levels: times that the sides are halved.
        dims: spatial dimensions, 2 or 3.

    Attributes:
        least_side: shortest side that can be halved so often.
    """

    def __init__(self, in_channels: int, width: int = 128, levels: int = 6, *, dims: int = 2) -> None:
        super().__init__()
        self._nd = layers_of(dims)
        self.least_side = 2**levels
        widths = [width * min(2**n, 4) for n in range(levels + 1)]
        self.features = nn.Sequential(
            ScaledConv(in_channels, width, 1, dims=dims),
            *(ResidualBlock(before, after, dims=dims) for before, after in pairwise(widths)),
            ScaledConv(widths[-1], 4 * width, 3, dims=dims),
        )
        self.verdict = nn.Sequential(
            ScaledLinear(4 * width * 4**dims, 4 * width), ScaledLinear(4 * width, 1, activate=False)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map `(B, C, *S)` to verdicts `(B, 1)`, not squashed."""
        out: Tensor = self.verdict(self._nd.pool_to(self.features(images), 4).flatten(1))
        return out


class CooccurrenceDiscriminator(nn.Module):
    """Whether a patch has the texture of some reference patches.

    At 128 x 128, five levels and an unpadded convolution leave 2 x 2; other sizes are averaged into 2 x 2, or into 2 x 2 x 2.

    Args:
        in_channels: of the patches.
        width: channels of the first stage, then 2, 4, 8 and 12 times as many. The paper's is 32.
        levels: times that the sides are halved.
        dims: spatial dimensions, 2 or 3.

    Attributes:
        least_side: shortest side of a patch.
    """

    def __init__(self, in_channels: int, width: int = 32, levels: int = 5, *, dims: int = 2) -> None:
        super().__init__()
        self._nd = layers_of(dims)
        self.least_side = 3 * 2**levels
        widths = [width * min(2**n, 12) for n in range(levels + 1)]
        self._features = nn.Sequential(
            ScaledConv(in_channels, width, 3, dims=dims),
            *(ResidualBlock(before, after, dims=dims) for before, after in pairwise(widths)),
            ResidualBlock(widths[-1], 24 * width, halve=False, dims=dims),
            ScaledConv(24 * width, 12 * width, 3, pad=False, dims=dims),
        )
        self._pair = nn.Sequential(
            ScaledLinear(2 * 12 * width * 2**dims, 64 * width),
            ScaledLinear(64 * width, 64 * width),
            ScaledLinear(64 * width, 32 * width),
            ScaledLinear(32 * width, 1, activate=False),
        )

    def features(self, patches: Tensor) -> Tensor:
        """Map patches `(B, K, C, P, P)`, or with a third P, to features `(B, K, F)`."""
        maps = self._nd.pool_to(self._features(patches.flatten(0, 1)), 2)
        return maps.view(*patches.shape[:2], -1)

    def compare(self, reference: Tensor, query: Tensor) -> Tensor:
        """Map features `(B, K, F)` to verdicts `(B, K)` on each query, not squashed; references are averaged."""
        averaged = reference.mean(1, keepdim=True).expand_as(query)
        out: Tensor = self._pair(torch.cat([averaged, query], dim=2)).squeeze(2)
        return out


def _activated(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * math.sqrt(2)
