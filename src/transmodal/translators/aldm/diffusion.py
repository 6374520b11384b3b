"""Denoising diffusion on latent maps: the noise schedule and its sampler, and the U-Net that denoises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.translators.aldm.residual import EmbeddedResidual, group_norm

Prediction = Literal["noise", "clean"]
"""The output of a denoiser: the noise in a map, or the map without it."""
Denoise = Callable[[Tensor, Tensor], Tensor]
"""From noisy latents `(B, Z, h, w)` and steps `(B,)` to a `Prediction`."""


class Schedule(nn.Module):
    """How much of the signal is left after each step: the roots of the betas rise linearly.

    Ho et al., NeurIPS 2020, with the betas of latent diffusion (Rombach et al., CVPR 2022).

    Args:
        steps: from the image to noise.
        predicts: what the denoiser gives.
        first: beta of the first step.
        last: beta of the last step.
    """

    alpha_bar: Tensor

    def __init__(
        self, steps: int, predicts: Prediction = "noise", first: float = 0.0015, last: float = 0.0195
    ) -> None:
        super().__init__()
        self.steps, self.predicts = steps, predicts
        betas = torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float64) ** 2
        self.register_buffer("alpha_bar", torch.cumprod(1 - betas, 0).float(), persistent=False)

    def noisy(self, clean: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """Return latents after `step` `(B,)` steps of noise; Ho et al., eq. 4."""
        alpha_bar = self.alpha_bar[step].reshape(-1, 1, 1, 1)
        return alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * noise

    def goal(self, clean: Tensor, noise: Tensor) -> Tensor:
        """Return what the denoiser is to give."""
        return noise if self.predicts == "noise" else clean

    def times(self, n: int) -> list[int]:
        """Return the steps that a sampler of `n` steps visits, the noisiest first.

        They are 1, 1 + T // n, 1 + 2 (T // n) and so on, as latent diffusion spaces them; all of them where `n` is
        more than half of T. Where `n` does not divide T, there are more than `n`.
        """
        stride = self.steps // n
        if stride < 2:
            return list(range(self.steps))[::-1]
        return list(range(1, self.steps, stride))[::-1]

    def sample(self, denoise: Denoise, noise: Iterator[Tensor], n: int, eta: float) -> Tensor:
        """Go from noise to latents `(B, Z, h, w)` in about `n` steps; DDIM, Song et al., ICLR 2021, eq. 12 and 16.

        Args:
            denoise: the denoiser.
            noise: normal noise of the latents' shape: what sampling starts from, then, unless `eta` is 0, what is
                added after each step.
            n: steps, see `times`.
            eta: share of the noise that Ho et al. add after each step; 0 adds none.
        """
        x, times = next(noise), self.times(n)
        for place, time in enumerate(times):
            alpha_bar = self.alpha_bar[time]
            after = self.alpha_bar[times[place + 1] if place + 1 < len(times) else 0]
            prediction = denoise(x, torch.full((len(x),), time, device=x.device))
            clean, in_it = self._split(x, prediction, alpha_bar)
            deviation = eta * ((1 - after) / (1 - alpha_bar) * (1 - alpha_bar / after)).clamp_min(0).sqrt()
            x = after.sqrt() * clean + (1 - after - deviation**2).clamp_min(0).sqrt() * in_it
            if eta > 0:
                x = x + deviation * next(noise)
        return x

    def _split(self, x: Tensor, prediction: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
        """Return the clean latents and the noise in `x` that the denoiser's prediction amounts to."""
        if self.predicts == "noise":
            return (x - (1 - alpha_bar).sqrt() * prediction) / alpha_bar.sqrt(), prediction
        return prediction, (x - alpha_bar.sqrt() * prediction) / (1 - alpha_bar).sqrt()


@dataclass(frozen=True, slots=True)
class DenoiserShape:
    """Widths of a denoiser.

    Attributes:
        width: channels of the first stage.
        multiples: of that width, per stage; the sides are halved between stages.
        attention: stages with attention, from 0; the middle has it in any case.
        head_channels: of each head of attention.
        groups: of the normalisations.
    """

    width: int
    multiples: tuple[int, ...]
    attention: tuple[int, ...]
    head_channels: int
    groups: int


class DenoisingUNet(nn.Module):
    """The U-Net of latent diffusion: residual blocks that see the step and the target's class, and attention.

    Rombach et al., CVPR 2022, after Dhariwal and Nichol, NeurIPS 2021. A stage has one block on the way down and two on
    the way up, each with a skip. Convolutions that end a residual branch start at a hundredth of their size.

    Args:
        latent: channels out.
        condition: channels that are seen beside the noisy latents.
        classes: contrasts that a target may have.
        shape: widths.
    """

    def __init__(self, latent: int, condition: int, classes: int, shape: DenoiserShape) -> None:
        super().__init__()
        width, embedded = shape.width, 4 * shape.width
        self._width = width
        self.time = nn.Sequential(nn.Linear(width, embedded), nn.SiLU(), nn.Linear(embedded, embedded))
        self.classes = nn.Embedding(classes, embedded)
        self.stem = nn.Conv2d(latent + condition, width, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips, before, last = [width], width, len(shape.multiples) - 1
        for stage, multiple in enumerate(shape.multiples):
            after = width * multiple
            self.down.append(_Stage(before, after, embedded, stage in shape.attention, shape))
            skips.append(after)
            if stage < last:
                self.down.append(_Halving(after))
                skips.append(after)
            before = after
        self.middle = _Stage(before, before, embedded, True, shape)
        self.end = EmbeddedResidual(before, before, shape.groups, embedded)
        for stage in range(last, -1, -1):
            after, attends = width * shape.multiples[stage], stage in shape.attention
            for _ in range(2):
                self.up.append(_Stage(before + skips.pop(), after, embedded, attends, shape))
                before = after
            if stage:
                self.up.append(_Doubling(after))
        self.norm = group_norm(before, shape.groups)
        self.head = nn.Conv2d(before, latent, 3, padding=1)
        _start_small(self)

    def forward(self, x: Tensor, step: Tensor, condition: Tensor, classes: Tensor) -> Tensor:
        """Map noisy latents, steps, a condition and classes to a prediction, float32.

        Args:
            x: `(B, Z, h, w)`, sides multiples of 2 to the number of halvings.
            step: `(B,)`.
            condition: `(B, K, h, w)`.
            classes: `(B,)`.
        """
        embedding = self.time(waves(step, self._width)) + self.classes(classes)
        x = self.stem(torch.cat([x, condition], dim=1))
        skips = [x]
        for part in self.down:
            x = part(x, embedding)
            skips.append(x)
        x = self.end(self.middle(x, embedding), embedding)
        for part in self.up:
            # Doublings have no skip: the stages on either side of them do.
            x = part(x if isinstance(part, _Doubling) else torch.cat([x, skips.pop()], dim=1), embedding)
        with full_precision(x):
            out: Tensor = self.head(F.silu(self.norm(x.float())))
        return out


class _Stage(nn.Module):
    """A residual block, with or without attention after it."""

    def __init__(self, before: int, after: int, embedded: int, attends: bool, shape: DenoiserShape) -> None:
        super().__init__()
        self.block = EmbeddedResidual(before, after, shape.groups, embedded)
        self.attention = SelfAttention(after, shape.head_channels, shape.groups) if attends else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        out: Tensor = self.attention(self.block(x, embedding))
        return out


class _Halving(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


class _Doubling(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        out: Tensor = self.conv(F.interpolate(x, scale_factor=2.0))
        return out


class SelfAttention(nn.Module):
    """Every place attends to every other; heads first, then queries, keys and values within each head."""

    def __init__(self, channels: int, head_channels: int, groups: int) -> None:
        super().__init__()
        self.heads = channels // head_channels
        self.norm = group_norm(channels, groups)
        self.into = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, h, w)`."""
        parts = self.into(self.norm(x)).reshape(len(x), self.heads, 3, -1, x[0, 0].numel())
        query, key, value = parts.transpose(3, 4).unbind(2)
        attended = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = x + self.out(attended.transpose(2, 3).reshape(x.shape))
        return out


def waves(step: Tensor, width: int) -> Tensor:
    """Return cosines and sines of the step, `(B, width)`, of wavelengths from 2 pi to 20000 pi."""
    half = width // 2
    rates = torch.exp(-math.log(10000) * torch.arange(half, device=step.device) / half)
    angles = step[:, None].float() * rates[None]
    return F.pad(torch.cat([angles.cos(), angles.sin()], dim=1), (0, width - 2 * half))


@torch.no_grad()
def _start_small(net: DenoisingUNet) -> None:
    """Scale what ends each branch: near zero, where the released code has zero, so that all of it learns at once."""
    ends: list[nn.Conv2d] = [net.head]
    for part in net.modules():
        if isinstance(part, EmbeddedResidual):
            ends.append(part.conv2)
        elif isinstance(part, SelfAttention):
            ends.append(part.out)
    for conv in ends:
        for parameter in conv.parameters():
            parameter.mul_(0.01)
