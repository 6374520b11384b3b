"""Spectral normalisation, with its power iteration carried on or begun anew, and a discriminator of such convolutions.

Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018, carries its power iteration on, one
step at each pass in training. Losses change no state here, so what is carried on is carried on by `iterate`, which a
translator calls in `synthesise`. Without memory the iteration begins anew at each pass, at the same vector.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision

Iteration = Literal["carried", "restarted"]
"""Whether power iteration is carried on from step to step, or begun anew at each pass."""
STEPS = 20
"""Of the power iteration: within about 2 % of the truth for weights as they are drawn."""


def largest_singular_value(matrix: Tensor, steps: int = STEPS) -> Tensor:
    """Return the largest singular value of `(M, N)`, float32: from below, and the closer the more steps.

    The gradient is that of Miyato et al.: the two singular vectors count as constants.
    """
    with full_precision(matrix):
        m = matrix.float()
        u, v = _vectors(m, _start(m), steps)
        value: Tensor = u @ m @ v
        return value


def _start(m: Tensor) -> Tensor:
    """Return a vector without order, so that no kernel whose values repeat stands at a right angle to it."""
    return torch.cos(torch.arange(1, m.shape[1] + 1, device=m.device, dtype=torch.float32) ** 2)


@torch.no_grad()
def _vectors(m: Tensor, v: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return the singular vectors of `(M, N)` after so many steps from `v`, one step or more."""
    for _ in range(steps):
        u = F.normalize(m @ v, dim=0)
        v = F.normalize(m.T @ u, dim=0)
    return u, v


class SpectralConv2d(nn.Conv2d):
    """A convolution whose kernel, as a matrix of outputs by all else, is divided by its largest singular value.

    Attributes:
        u: left singular vector of the iteration that is carried on, `(outputs,)`; None where it begins anew.
        v: the right one.
    """

    u: Tensor | None
    v: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, bias=bias)
        self.register_buffer("u", None)
        self.register_buffer("v", None)

    @torch.no_grad()
    def remember(self) -> None:
        """Carry the iteration on from here, where it begins with `STEPS` steps."""
        matrix = self.weight.flatten(1).float()
        # On the meta device there is nothing to come nearer to, and torch takes milliseconds for each step.
        self.u, self.v = _vectors(matrix, _start(matrix), 1 if matrix.is_meta else STEPS)

    @torch.no_grad()
    def iterate(self, steps: int) -> None:
        """Carry the iteration on by so many steps; nothing where it begins anew at each pass."""
        if self.u is not None and self.v is not None:
            with full_precision(self.weight):
                matrix, v = self.weight.flatten(1).float(), self.v
                for _ in range(steps):  # torch's order: v from u, then u from v
                    v = F.normalize(matrix.T @ self.u, dim=0)
                    self.u = F.normalize(matrix @ v, dim=0)
                self.v = v

    def _value(self) -> Tensor:
        if self.u is None or self.v is None:
            return largest_singular_value(self.weight.flatten(1))
        with full_precision(self.weight):
            value: Tensor = self.u @ self.weight.flatten(1).float() @ self.v
            return value

    def forward(self, x: Tensor) -> Tensor:
        """Convolve `(B, C, H, W)` with the divided kernel."""
        weight = self.weight / self._value().clamp(min=1e-12)
        return F.conv2d(x, weight.to(x.dtype), self._bias(x), self.stride, self.padding)

    def _bias(self, x: Tensor) -> Tensor | None:
        return None if self.bias is None else self.bias.to(x.dtype)


def remember(module: nn.Module) -> None:
    """Let every spectral convolution carry its power iteration on."""
    for part in module.modules():
        if isinstance(part, SpectralConv2d):
            part.remember()


def iterate(module: nn.Module, steps: int) -> None:
    """Carry every power iteration on by so many steps, of those that are carried on."""
    for part in module.modules():
        if isinstance(part, SpectralConv2d):
            part.iterate(steps)


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
        attended = F.scaled_dot_product_attention(q, k, v, scale=1.0)
        return x + self.gamma * attended.transpose(1, 2).reshape(x.shape)


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
