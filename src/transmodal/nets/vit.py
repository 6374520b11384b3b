"""A plain vision transformer on a feature map: tokens of one pixel each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_EPSILON = 1e-6  # that layer norm adds to variances: the published one, not torch's default


class MapTransformer(nn.Module):
    """Pre-norm transformer layers (Dosovitskiy et al., ICLR 2021) on the pixels of a map.

    Dropout is left out: at the sizes that train here it only adds noise that would have to be seeded.

    Args:
        channels: of a token.
        depth: layers.
        heads: of attention.
        ratio: width of the inner layer of each perceptron, in channels.
    """

    def __init__(self, channels: int, depth: int, heads: int, ratio: int = 4) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            channels,
            heads,
            ratio * channels,
            dropout=0.0,
            activation="gelu",
            layer_norm_eps=_EPSILON,
            batch_first=True,
            norm_first=True,
        )
        norm = nn.LayerNorm(channels, _EPSILON)
        self.layers = nn.TransformerEncoder(layer, depth, norm=norm, enable_nested_tensor=False)
        for part in self.layers.layers:
            _redraw(part)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, H, W)`."""
        tokens = x.flatten(2).transpose(1, 2)
        out: Tensor = self.layers(tokens).transpose(1, 2).reshape(x.shape)
        return out


def _redraw(layer: nn.Module) -> None:
    """Give each layer weights of its own: torch copies the first one's."""
    for parameter in layer.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)


class Positions(nn.Module):
    """One learnt vector per pixel of a map; other sides than those of training take interpolated ones.

    Args:
        channels: of the map.
        side: of the map on which they are learnt.
    """

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.table = nn.Parameter(0.02 * torch.randn(1, channels, side, side))

    def forward(self, x: Tensor) -> Tensor:
        """Add the vectors to `(B, C, H, W)`."""
        table: Tensor = self.table
        if table.shape[2:] != x.shape[2:]:
            table = nn.functional.interpolate(table, x.shape[2:], mode="bicubic", align_corners=False)
        return x + table
