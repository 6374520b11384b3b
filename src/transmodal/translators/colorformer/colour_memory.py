"""The colour memory of ColorFormer; Ji et al., ECCV 2022."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STEPS = 256
"""Whole numbers of a and of b, each with a vector of its own."""
SPREAD = 20.0
"""Standard deviation that the memory's colours are drawn with, in units of CIELAB."""


class ColourMemory(nn.Module):
    """Colours by the appearance of a place; the paper's semantic and colour centres, learnt here.

    softmax(Q K^T) V with queries of places, keys of meanings, and values of colours: each entry's colours become
    vectors, which are mixed by the shares of the whole image.

    Args:
        channels: of the map.
        entries: of the memory.
        palettes: colours of each entry.
        meaning: numbers that tell an entry's meaning.
        query: length of the vectors that places and meanings are compared by.
        colour: length of the vector that a colour becomes.
    """

    def __init__(
        self, channels: int, entries: int, palettes: int, *, meaning: int, query: int, colour: int
    ) -> None:
        super().__init__()
        joined = channels + colour
        self.meanings = nn.Parameter(torch.randn(entries, meaning))
        # In units of 128 in CIELAB, so that an optimiser's steps are of use.
        self.colours = nn.Parameter(SPREAD / 128 * torch.randn(palettes, entries, 2))
        self.vectors = nn.Parameter(torch.randn(2, STEPS, colour))
        self.palettes = nn.ModuleList(nn.Linear(2 * colour, colour) for _ in range(palettes))
        self.query_norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, query)
        self.key = nn.Linear(meaning, query)
        self.join_norm, self.out_norm = nn.LayerNorm(joined), nn.LayerNorm(joined)
        self.perceptron = nn.Sequential(nn.Linear(joined, joined), nn.GELU(), nn.Linear(joined, joined))
        self.out = nn.Conv2d(joined, channels, 1)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        """Keep the shape `(B, C, h, w)`.

        Args:
            x: `(B, C, h, w)`.
            shares: `(B, palettes)`, of the palettes in the whole image.
        """
        tokens = x.flatten(2).transpose(1, 2)
        alike = (self.query(self.query_norm(tokens)) @ self.key(self.meanings).T).softmax(dim=-1)
        tokens = self.join_norm(torch.cat([tokens, alike @ self.values(shares)], dim=-1))
        tokens = self.out_norm(tokens + self.perceptron(tokens))
        out: Tensor = self.out(tokens.transpose(1, 2).unflatten(2, x.shape[2:]))
        return out

    def values(self, shares: Tensor) -> Tensor:
        """Return `(B, entries, colour)`: each entry's colours as vectors, mixed by the shares."""
        of_a, of_b = (between(self.vectors[n], 128 * self.colours[..., n] + 128) for n in range(2))
        vectors = torch.cat([of_a, of_b], dim=-1)
        mixed = torch.stack(
            [
                palette(palette_vectors)
                for palette, palette_vectors in zip(self.palettes, vectors, strict=True)
            ]
        )
        return torch.einsum("bp,pec->bec", shares, mixed)


def between(vectors: Tensor, places: Tensor) -> Tensor:
    """Return vectors interpolated linearly at places between whole numbers; beyond the ends, the last one.

    Args:
        vectors: `(N, C)`, at 0, 1, ... N - 1.
        places: of any shape; the result has it, and `C` behind.
    """
    numbers = torch.arange(len(vectors), device=vectors.device)
    inside = places.clamp(0, len(vectors) - 1)
    weights = (1 - (inside[..., None] - numbers).abs()).clamp(min=0)
    return weights @ vectors
