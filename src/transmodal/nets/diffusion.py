"""Denoising diffusion on latent maps: the noise schedule, a deterministic sampler, a conditioned U-Net."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Denoise = Callable[[Tensor, Tensor], Tensor]
"""From noisy latents `(B, Z, h, w)` and steps `(B,)` to the noise in them."""


class Schedule(nn.Module):
    """How much of the signal is left after each step: betas that rise linearly under the root.

    Ho et al., NeurIPS 2020, as latent diffusion scales it (Rombach et al., CVPR 2022).

    Args:
        steps: from the image to noise.
        first: beta of the first step.
        last: beta of the last step.
    """

    kept: Tensor

    def __init__(self, steps: int, first: float = 0.0015, last: float = 0.0195) -> None:
        super().__init__()
        self.steps = steps
        betas = torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float64) ** 2
        self.register_buffer("kept", torch.cumprod(1 - betas, 0).float(), persistent=False)

    def noisy(self, clean: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """Return latents after `step` `(B,)` steps of noise."""
        kept = self.kept[step].reshape(-1, 1, 1, 1)
        return kept.sqrt() * clean + (1 - kept).sqrt() * noise

    def sample(self, denoise: Denoise, start: Tensor, n: int) -> Tensor:
        """Go from noise `(B, Z, h, w)` to latents in `n` deterministic steps (DDIM, Song et al., ICLR 2021)."""
        n = min(n, self.steps)
        times = [round((self.steps - 1) * (n - 1 - place) / max(1, n - 1)) for place in range(n)]
        times = times if n > 1 else [self.steps - 1]
        x = start
        for place, time in enumerate(times):
            kept = self.kept[time]
            after = self.kept[times[place + 1]] if place + 1 < n else torch.ones_like(kept)
            noise = denoise(x, torch.full((len(x),), time, device=x.device))
            clean = (x - (1 - kept).sqrt() * noise) / kept.sqrt()
            x = after.sqrt() * clean + (1 - after).sqrt() * noise
        return x


class ConditionedUNet(nn.Module):
    """A U-Net that predicts noise; every block is normalised by what the condition says of each place.

    SPADE: Park et al., CVPR 2019. Attention at the lowest resolution.

    Args:
        latent: channels in and out.
        condition: channels of the condition.
        width: channels of the first stage.
        multiples: of the width, per stage; the sides are halved between stages.
        heads: of attention.
    """

    def __init__(
        self, latent: int, condition: int, width: int, multiples: tuple[int, ...], heads: int
    ) -> None:
        super().__init__()
        widths = [width * multiple for multiple in multiples]
        self._width, embedded = width, 4 * width
        self.time = nn.Sequential(nn.Linear(width, embedded), nn.SiLU(), nn.Linear(embedded, embedded))
        self.stem = nn.Conv2d(latent, width, 3, padding=1)

        def block(before: int, after: int) -> SpadeBlock:
            return SpadeBlock(before, after, condition, embedded)

        self.down = nn.ModuleList()
        before = width
        for after in widths:
            self.down.append(block(before, after))
            before = after
        self.middle = nn.ModuleList([block(before, before), block(before, before)])
        self.attention = _Attention(before, heads)
        self.up = nn.ModuleList()
        for after in reversed(widths):
            self.up.append(block(before + after, after))
            before = after
        self.norm = nn.GroupNorm(_groups(before), before)
        self.head = nn.Conv2d(before, latent, 3, padding=1)

    def forward(self, x: Tensor, step: Tensor, condition: Tensor) -> Tensor:
        """Map noisy latents `(B, Z, h, w)`, steps `(B,)` and a condition `(B, K, h, w)` to the noise, float32.

        Sides are multiples of `2 ** (stages - 1)`.
        """
        time = self.time(_waves(step, self._width))
        x, skips = self.stem(x), []
        for n, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if n else x, time, condition)
            skips.append(x)
        first, second = self.middle
        x = second(self.attention(first(x, time, condition)), time, condition)
        for n, block in enumerate(self.up):
            x = F.interpolate(x, scale_factor=2.0) if n else x
            x = block(torch.cat([x, skips.pop()], dim=1), time, condition)
        out: Tensor = self.head(F.silu(self.norm(x))).float()
        return out


class SpadeBlock(nn.Module):
    """Two convolutions, each after a normalisation whose scale and shift the condition gives per place."""

    def __init__(self, before: int, after: int, condition: int, embedded: int) -> None:
        super().__init__()
        self.first, self.second = Spade(before, condition), Spade(after, condition)
        self.conv1, self.conv2 = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
        self.time = nn.Linear(embedded, after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """Map `(B, before, h, w)` to `(B, after, h, w)`."""
        inner = self.conv1(F.silu(self.first(x, condition))) + self.time(F.silu(time))[..., None, None]
        out: Tensor = self.skip(x) + self.conv2(F.silu(self.second(inner, condition)))
        return out


class Spade(nn.Module):
    """Normalise by group, then scale and shift each place by convolutions of the condition."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_groups(channels), channels, affine=False)
        hidden = max(8, channels // 2)
        self.shared = nn.Conv2d(condition, hidden, 3, padding=1)
        self.scale_shift = nn.Conv2d(hidden, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Keep the shape of `x`; the condition is resized to it."""
        if condition.shape[2:] != x.shape[2:]:
            condition = F.interpolate(condition, x.shape[2:], mode="bilinear", align_corners=False)
        scale, shift = self.scale_shift(F.silu(self.shared(condition))).chunk(2, dim=1)
        out: Tensor = self.norm(x) * (1 + scale) + shift
        return out


class _Attention(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_groups(channels), channels)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        seen = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        out: Tensor = x + seen.transpose(1, 2).reshape(x.shape)
        return out


def _waves(step: Tensor, width: int) -> Tensor:
    """Return sines and cosines of the step, `(B, width)`."""
    half = width // 2
    rates = torch.exp(-math.log(10000) * torch.arange(half, device=step.device) / half)
    angles = step[:, None].float() * rates[None]
    return F.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, width - 2 * half))


def _groups(channels: int) -> int:
    return next(n for n in (8, 4, 2, 1) if channels % n == 0)
