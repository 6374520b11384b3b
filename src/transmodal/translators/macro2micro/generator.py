"""Macro2Micro's generator, of octave convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.nets.dimensions import layers_of
from transmodal.translators.macro2micro.config import Config
from transmodal.translators.macro2micro.octave import (
    OctaveConv,
    OctaveDepthwise,
    OctaveMerge,
    OctaveSplit,
    OctaveUp,
    activated,
)


class OctaveGenerator(nn.Module):
    """The frequency feature encoder and the generator: an eighth of the sides and back, without any norm.

    7 x 7 convolution to w; octave split to w at half size, mixed to 2 w; depth-wise to a quarter, mixed to 4 w. Then
    depth-wise, mixed to 2 w, twice the size, convolved; the same to w; depth-wise, both paths brought to w / 2
    channels at full size, added, and made an image by a 1 x 1 convolution.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        w, alpha = config.width, config.alpha if config.octave else 0.0
        self._squashed = config.output == "tanh"
        nd = layers_of(config.spatial_dims)
        self.stem = nd.conv(config.in_channels, w, 7, padding=3)
        self.encoder = nn.ModuleList(
            [
                OctaveSplit(w, w, alpha, stride=2, nd=nd),
                OctaveConv(w, 2 * w, alpha, nd=nd),
                OctaveDepthwise(2 * w, alpha, stride=2, nd=nd),
                OctaveConv(2 * w, 4 * w, alpha, nd=nd),
            ]
        )
        self.generator = nn.Sequential(
            *(
                OctaveDepthwise(4 * w, alpha, nd=nd),
                OctaveConv(4 * w, 2 * w, alpha, nd=nd),
                OctaveUp(2 * w, alpha, nd=nd),
            ),
            *(
                OctaveDepthwise(2 * w, alpha, nd=nd),
                OctaveConv(2 * w, w, alpha, nd=nd),
                OctaveUp(w, alpha, nd=nd),
            ),
            *(OctaveDepthwise(w, alpha, nd=nd), OctaveMerge(w, w // 2, alpha, nd=nd)),
        )
        self.head = nd.conv(w // 2, config.target_channels, 1)

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Map `(B, C, *S)` to float32 images `(B, T, *S)`: of both paths, of the low one, of the high one.

        Args:
            source: sides are multiples of 8.
        """
        x = self.stem(source)
        for layer in self.encoder:
            x = activated(layer(x))
        high, low = self.generator(x)
        with full_precision(high):
            high = high.float()
            if low is None:
                return self._image(high), None, None
            low = low.float()
            return self._image(high + low), self._image(low), self._image(high)

    def _image(self, maps: Tensor) -> Tensor:
        image: Tensor = self.head(maps)
        return torch.tanh(image) if self._squashed else image
