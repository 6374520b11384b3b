"""Attention within windows of a map; Liu et al., Swin Transformer, ICCV 2021."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Padding = Literal["masked", "attended"]
"""How attention treats the tokens that fill a map up to whole windows; see `WindowAttention`."""


class Block(nn.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x)).

    Args:
        channels: of a token.
        attention: of as many channels.
    """

    def __init__(self, channels: int, attention: WindowAttention) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = attention
        self.perceptron = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, h, w, C)`."""
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.perceptron(self.norm2(x))
        return out


class WindowAttention(nn.Module):
    """softmax(QK^T / sqrt(d) + bias) V within windows; the bias is learnt per head and relative position.

    Maps that the windows do not divide are filled up behind, with zeros. Shifting is cyclic, and tokens that are
    neighbours only by that do not attend to each other. Beyond that there are two rules:

    - `masked`: nobody attends to what was filled up, the map's means leave it out, and an axis of one window is not
      shifted.
    - `attended`, as in the published GLH transformer: what was filled up counts as any token, for attention and for the
      map's means, and every map is shifted. On maps of several whole windows the two are one.

    With `pooled`, every window also attends to the means of `pooled` x `pooled` parts of the whole map, without bias:
    the global and local attention of ColorFormer (Ji et al., ECCV 2022).

    Args:
        channels: of a token.
        heads: of attention.
        window: side of the windows.
        shift: tokens by which the windows are shifted.
        pooled: side of the map's mean that every window sees besides; 0 for none.
        padding: one of the two rules.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        window: int,
        shift: int,
        pooled: int = 0,
        padding: Padding = "masked",
    ) -> None:
        super().__init__()
        self._masked = padding == "masked"
        self.heads, self.window, self.shift, self.pooled = heads, window, shift, pooled
        self.bias = nn.Parameter(0.02 * torch.randn((2 * window - 1) ** 2, heads))
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        if pooled:
            self.pooled_norm = nn.LayerNorm(channels)
            self.pooled_kv = nn.Linear(channels, 2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, h, w, C)`."""
        n, h, w, channels = x.shape
        side = self.window
        full = (-(-h // side) * side, -(-w // side) * side)
        shift = tuple(0 if self._masked and length <= side else self.shift for length in (h, w))
        padded = F.pad(x, (0, 0, 0, full[1] - w, 0, full[0] - h))
        everywhere = self._everywhere(x if self._masked else padded) if self.pooled else None
        rolled = torch.roll(padded, (-shift[0], -shift[1]), dims=(1, 2))
        tokens = windows(rolled, side)
        q, k, v = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).movedim(-3, 0).transpose(2, 3)
        allowed = self._allowed((h, w) if self._masked else full, full, shift, x.device)
        bias = self._relative(x.device).to(q.dtype) + torch.zeros_like(allowed, dtype=q.dtype).masked_fill(
            ~allowed, -1e4
        )
        bias = bias.repeat(n, 1, 1, 1)
        if everywhere is not None:
            # Windows follow one another sample by sample.
            more = everywhere.repeat_interleave(len(tokens) // n, dim=1)
            k, v = torch.cat([k, more[0]], dim=2), torch.cat([v, more[1]], dim=2)
            bias = F.pad(bias, (0, more.shape[3]))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        attended = self.out(attended.transpose(1, 2).flatten(2))
        back = attended.reshape(n, full[0] // side, full[1] // side, side, side, channels)
        back = back.transpose(2, 3).reshape(n, *full, channels)
        return torch.roll(back, shift, dims=(1, 2))[:, :h, :w]

    def _everywhere(self, x: Tensor) -> Tensor:
        """Return keys and values of the map's means, `(2, B, heads, pooled ** 2, C / heads)`."""
        means = F.adaptive_avg_pool2d(x.permute(0, 3, 1, 2), self.pooled).flatten(2).transpose(1, 2)
        keys_and_values: Tensor = self.pooled_kv(self.pooled_norm(means))
        split = keys_and_values.reshape(*keys_and_values.shape[:2], 2, self.heads, -1)
        return split.movedim(2, 0).transpose(2, 3)

    def _relative(self, device: torch.device) -> Tensor:
        """Return `(1, heads, tokens, tokens)`: the bias of each pair by its offset."""
        steps = torch.arange(self.window, device=device)
        places = torch.cartesian_prod(steps, steps)
        offsets = places[:, None] - places[None] + self.window - 1
        index = offsets[..., 0] * (2 * self.window - 1) + offsets[..., 1]
        pairs: Tensor = self.bias[index]
        return pairs.permute(2, 0, 1)[None]

    def _allowed(
        self, counted: tuple[int, int], full: tuple[int, int], shift: tuple[int, ...], device: torch.device
    ) -> Tensor:
        """Return `(windows, 1, tokens, tokens)`: pairs of one region of the map, of which `counted` is no padding."""
        rows, columns = (
            torch.where(
                torch.roll(torch.arange(length, device=device), -by) < real,
                (torch.arange(length, device=device) >= length - by).long(),
                2,
            )
            for length, real, by in zip(full, counted, shift, strict=True)
        )
        region = windows((3 * rows[:, None] + columns[None])[None, ..., None], self.window)
        return (region == region.transpose(1, 2))[:, None]


def windows(x: Tensor, side: int) -> Tensor:
    """Cut `(B, h, w, C)` into windows, `(B * count, side * side, C)`; the sides are multiples of `side`."""
    n, h, w, channels = x.shape
    cut = x.reshape(n, h // side, side, w // side, side, channels).transpose(2, 3)
    return cut.reshape(-1, side * side, channels)


class Merge(nn.Module):
    """Four neighbours become one token of twice the channels: norm, then linear."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.linear = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, h, w, C)` to `(B, h / 2, w / 2, 2C)`."""
        parts = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        out: Tensor = self.linear(self.norm(torch.cat(parts, dim=-1)))
        return out
