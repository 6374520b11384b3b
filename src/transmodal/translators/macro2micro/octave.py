"""Octave convolutions: maps of high frequency, and maps of low frequency at half the resolution.

Chen et al., Drop an Octave: Reducing Spatial Redundancy in Convolutional Neural Networks with Octave Convolution,
ICCV 2019. With `alpha` 0 there is no low path, and what remains is an ordinary convolution.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.dimensions import SLICES, Layers

Pair = tuple[Tensor, Tensor | None]
"""High maps `(B, C_h, *S)` and low maps `(B, C_l, *S / 2)`; None where there is no low path."""


def split(channels: int, alpha: float) -> tuple[int, int]:
    """Return how many of the channels are high, and how many are low: the share `alpha`, rounded down."""
    low = int(alpha * channels)
    return channels - low, low


def upsampled(x: Tensor) -> Tensor:
    """Double the sides by repeating pixels."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def activated(pair: Pair, slope: float = 0.2) -> Pair:
    """Apply LeakyReLU to both."""
    high, low = pair
    return F.leaky_relu(high, slope), None if low is None else F.leaky_relu(low, slope)


class OctaveSplit(nn.Module):
    """Make high maps of an image's features, and low maps of the same features pooled: kernels of 3, any stride.

    Args:
        before: channels of the features.
        after: channels of high and low maps together.
        alpha: share of the low ones.
        stride: of both convolutions.
        nd: layers of two dimensions or of three.
    """

    def __init__(
        self, before: int, after: int, alpha: float, stride: int = 1, *, nd: Layers = SLICES
    ) -> None:
        super().__init__()
        self._nd = nd
        high, low = split(after, alpha)
        self.high = _conv3(nd, before, high, stride)
        self.low = _conv3(nd, before, low, stride) if low else None

    def forward(self, x: Tensor) -> Pair:
        """Map `(B, C, *S)`, whose sides are even, to both."""
        return self.high(x), None if self.low is None else self.low(self._nd.pool(x, 2))


class OctaveConv(nn.Module):
    """Mix channels by convolutions with kernels of 1 within and across frequencies.

    Eq. 2 of Chen et al.: high = f(high) + up(g(low)), low = f'(low) + g'(pool(high)).

    Args:
        before: channels of high and low maps together.
        after: the same of the result.
        alpha: share of the low ones on both sides.
        nd: layers of two dimensions or of three.
    """

    def __init__(self, before: int, after: int, alpha: float, *, nd: Layers = SLICES) -> None:
        super().__init__()
        self._nd = nd
        (high, low), (to_high, to_low) = split(before, alpha), split(after, alpha)
        self.high_to_high = nd.conv(high, to_high, 1, bias=False)
        self.exchange = nn.ModuleDict()
        if low:
            self.exchange["low_to_high"] = nd.conv(low, to_high, 1, bias=False)
            self.exchange["low_to_low"] = nd.conv(low, to_low, 1, bias=False)
            self.exchange["high_to_low"] = nd.conv(high, to_low, 1, bias=False)

    def forward(self, pair: Pair) -> Pair:
        """Map both to both; the sides stay."""
        high, low = pair
        own: Tensor = self.high_to_high(high)
        if low is None:
            return own, None
        # A convolution with kernels of 1 and repeated pixels commute: it costs a quarter (an eighth) before them.
        lifted = upsampled(self.exchange["low_to_high"](low))
        return own + lifted, self.exchange["low_to_low"](low) + self.exchange["high_to_low"](
            self._nd.pool(high, 2)
        )


class OctaveDepthwise(nn.Module):
    """Filter each channel by itself, with kernels of 3: nothing is exchanged.

    Args:
        channels: of high and low maps together.
        alpha: share of the low ones.
        stride: of both.
        nd: layers of two dimensions or of three.
    """

    def __init__(self, channels: int, alpha: float, stride: int = 1, *, nd: Layers = SLICES) -> None:
        super().__init__()
        high, low = split(channels, alpha)
        self.high = _conv3(nd, high, high, stride, groups=high)
        self.low = _conv3(nd, low, low, stride, groups=low) if low else None

    def forward(self, pair: Pair) -> Pair:
        """Map both to both."""
        high, low = pair
        return self.high(high), None if self.low is None else self.low(low)


class OctaveUp(nn.Module):
    """Double the sides of both by repeating pixels, then smooth each by a convolution with kernels of 3.

    The convolution comes after the enlargement: before it, it would leave a checkerboard.

    Args:
        channels: of high and low maps together.
        alpha: share of the low ones.
        nd: layers of two dimensions or of three.
    """

    def __init__(self, channels: int, alpha: float, *, nd: Layers = SLICES) -> None:
        super().__init__()
        high, low = split(channels, alpha)
        self.high = _conv3(nd, high, high, bias=True)
        self.low = _conv3(nd, low, low, bias=True) if low else None

    def forward(self, pair: Pair) -> Pair:
        """Map `(B, C_h, *S)` to `(B, C_h, *2 S)`, and the low maps likewise."""
        high, low = pair
        return self.high(upsampled(high)), (
            None if self.low is None or low is None else self.low(upsampled(low))
        )


class OctaveMerge(nn.Module):
    """Bring both to the same channels and the same size, so that they can be added.

    Args:
        before: channels of high and low maps together.
        after: channels that each of the two gets.
        alpha: share of the low ones before.
        nd: layers of two dimensions or of three.
    """

    def __init__(self, before: int, after: int, alpha: float, *, nd: Layers = SLICES) -> None:
        super().__init__()
        high, low = split(before, alpha)
        self.high = nd.conv(high, after, 1, bias=False)
        self.low = nd.conv(low, after, 1, bias=False) if low else None

    def forward(self, pair: Pair) -> Pair:
        """Map both to `(B, after, *S)`, the size of the high ones."""
        high, low = pair
        return self.high(high), None if self.low is None or low is None else upsampled(self.low(low))


def _conv3(
    nd: Layers, before: int, after: int, stride: int = 1, *, groups: int = 1, bias: bool = False
) -> nn.Module:
    return nd.conv(before, after, 3, stride, 1, groups=groups, bias=bias, padding_mode="reflect")
