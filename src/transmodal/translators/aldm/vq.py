"""An autoencoder with a codebook between its halves, for latent models: VQGAN's, without its discriminator."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.translators.aldm.residual import EmbeddedResidual, group_norm

_EPS = 1e-6
"""Of every normalisation in VQGAN."""


class Coded(NamedTuple):
    """A latent map and its codes.

    Attributes:
        latent: `(B, Z, h, w)`, as encoded.
        code: the nearest codes, same shape, without gradient to the latent.
        passed: the codes, with the latent's gradient passed straight through.
    """

    latent: Tensor
    code: Tensor
    passed: Tensor


@dataclass(frozen=True, slots=True)
class AutoencoderShape:
    """Widths of an autoencoder.

    Attributes:
        width: channels that `multiples` multiply.
        multiples: of the width, per stage; between two stages the sides are halved.
        latent: channels of the latent map.
        codes: entries of the codebook.
        groups: of the normalisations.
        code_spread: largest entry of a new code; None is one over the number of codes, as in the released code.
    """

    width: int
    multiples: tuple[int, ...]
    latent: int
    codes: int
    groups: int
    code_spread: float | None = None


class VQAutoencoder(nn.Module):
    """Encoder, codebook and decoder, linear at their ends; Esser et al., CVPR 2021, in ALDM's layers.

    A stage has one residual block on the way down and two on the way up; there is one more at the coarsest stage of
    each half, and no attention.

    Args:
        channels: of the images, in and out.
        shape: widths.
    """

    def __init__(self, channels: int, shape: AutoencoderShape) -> None:
        super().__init__()
        self.encoder = _encoder(channels, shape)
        self.to_code = nn.Conv2d(shape.latent, shape.latent, 1)
        self.codebook = nn.Embedding(shape.codes, shape.latent)
        spread = 1 / shape.codes if shape.code_spread is None else shape.code_spread
        nn.init.uniform_(self.codebook.weight, -spread, spread)
        self.from_code = nn.Conv2d(shape.latent, shape.latent, 1)
        width = shape.width * shape.multiples[0]
        self.decoder = _decoder(shape)
        self.norm = group_norm(width, shape.groups, _EPS)
        self.head = nn.Conv2d(width, channels, 3, padding=1)

    def encode(self, images: Tensor) -> Coded:
        """Map `(B, C, H, W)` to latents and their codes, float32 `(B, Z, H / f, W / f)`.

        Of codes that are equally near, the first counts.
        """
        features = self.encoder(images)
        with full_precision(features):
            latent: Tensor = self.to_code(features.float())
            tokens = latent.movedim(1, -1)
            flat, book = tokens.detach().reshape(-1, latent.shape[1]), self.codebook.weight.float()
            distance = book.detach().square().sum(1) - 2 * flat @ book.detach().T
            code = F.embedding(distance.argmin(1), book).reshape(tokens.shape).movedim(-1, 1)
        return Coded(latent, code, latent + (code - latent).detach())

    def decode(self, latent: Tensor) -> Tensor:
        """Map latents `(B, Z, h, w)` to float32 images, not bounded."""
        x = self.decoder(self.from_code(latent))
        with full_precision(x):
            out: Tensor = self.head(F.silu(self.norm(x.float())))
        return out


class ShiftedHalving(nn.Module):
    """A 3 x 3 convolution of stride 2 after one row and one column of zeros at the far sides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, C, H, W)` of even sides to `(B, C, H / 2, W / 2)`."""
        out: Tensor = self.conv(F.pad(x, (0, 1, 0, 1)))
        return out


def codebook_terms(coded: Coded, weight: float, beta: float) -> dict[str, Tensor]:
    """Return the latents' distance from their codes, and `beta` times the codes' distance from the latents.

    So the released code weighs them; van den Oord et al., NeurIPS 2017, eq. 3, have `beta` at the other of the two.
    """
    latent, code = coded.latent.float(), coded.code.float()
    with full_precision(latent):
        return {
            "commitment": weight * F.mse_loss(latent, code.detach()),
            "codebook": weight * beta * F.mse_loss(code, latent.detach()),
        }


def _encoder(channels: int, shape: AutoencoderShape) -> nn.Sequential:
    widths = [shape.width, *(shape.width * multiple for multiple in shape.multiples)]
    layers: list[nn.Module] = [nn.Conv2d(channels, shape.width, 3, padding=1)]
    for stage, (before, after) in enumerate(itertools.pairwise(widths)):
        if stage:
            layers.append(ShiftedHalving(before))
        layers.append(_block(before, after, shape))
    last = widths[-1]
    layers += [_block(last, last, shape), group_norm(last, shape.groups, _EPS), nn.SiLU()]
    return nn.Sequential(*layers, nn.Conv2d(last, shape.latent, 3, padding=1))


def _decoder(shape: AutoencoderShape) -> nn.Sequential:
    widths = [shape.width * multiple for multiple in reversed(shape.multiples)]
    before = widths[0]
    layers: list[nn.Module] = [nn.Conv2d(shape.latent, before, 3, padding=1), _block(before, before, shape)]
    for stage, after in enumerate(widths):
        if stage:
            layers += [nn.Upsample(scale_factor=2.0), nn.Conv2d(before, before, 3, padding=1)]
        layers += [_block(before, after, shape), _block(after, after, shape)]
        before = after
    return nn.Sequential(*layers)


def _block(before: int, after: int, shape: AutoencoderShape) -> EmbeddedResidual:
    return EmbeddedResidual(before, after, shape.groups, eps=_EPS)


def deviation(latents: Tensor) -> Tensor:
    """Return the standard deviation of latents over all samples, channels and places, at least 1e-8."""
    return latents.detach().float().std().clamp_min(torch.finfo(torch.float32).eps / 8)
