"""The residual block of denoising diffusion models, with and without an embedding of the step."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn


class EmbeddedResidual(nn.Module):
    """Twice a group normalisation, SiLU and a 3 x 3 convolution, beside a skip; Ho et al., NeurIPS 2020.

    An embedding, where there is one, is added between the two convolutions. The skip is a 1 x 1 convolution where the
    number of channels changes.

    Args:
        before: channels in.
        after: channels out.
        groups: of the normalisations; where they do not divide a number of channels, their greatest common divisor.
        embedded: length of the embedding; 0 takes none.
        eps: of the normalisations.
    """

    def __init__(self, before: int, after: int, groups: int, embedded: int = 0, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm1, self.norm2 = group_norm(before, groups, eps), group_norm(after, groups, eps)
        self.conv1, self.conv2 = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
        self.embedding = nn.Linear(embedded, after) if embedded else None
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """Map `(B, before, H, W)` and an embedding `(B, embedded)` to `(B, after, H, W)`."""
        inner = self.conv1(F.silu(self.norm1(x)))
        if self.embedding is not None and embedding is not None:
            inner = inner + self.embedding(F.silu(embedding))[..., None, None]
        out: Tensor = self.skip(x) + self.conv2(F.silu(self.norm2(inner)))
        return out


def group_norm(channels: int, groups: int, eps: float = 1e-5) -> nn.GroupNorm:
    """Return a normalisation of `groups` groups, or of as many as divide the channels and the groups."""
    return nn.GroupNorm(math.gcd(groups, channels), channels, eps=eps)
