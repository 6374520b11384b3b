"""A convolutional autoencoder with a codebook between its halves, for latent models."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.nets.unet import ResidualBlock


class Coded(NamedTuple):
    """What the codebook makes of a latent map.

    Attributes:
        latent: `(B, Z, h, w)`, as encoded.
        code: the nearest codes, same shape, without gradient to the latent.
        passed: the codes, with the latent's gradient passed straight through.
    """

    latent: Tensor
    code: Tensor
    passed: Tensor


class VQAutoencoder(nn.Module):
    """VQGAN's first stage without its discriminator: van den Oord et al., NeurIPS 2017; Esser et al., CVPR 2021.

    Args:
        channels: of the images.
        width: channels of the first stage; doubled with each halving.
        halvings: times that the sides are halved; a latent pixel stands for `2 ** halvings` pixels.
        latent: channels of the latent map.
        codes: entries of the codebook.
    """

    def __init__(self, channels: int, width: int, halvings: int, latent: int, codes: int) -> None:
        super().__init__()
        widths = [width * 2**n for n in range(halvings + 1)]
        down: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1)]
        for before, after in itertools.pairwise(widths):
            down += [ResidualBlock(before, 2), nn.Conv2d(before, after, 2, stride=2)]
        self.encoder = nn.Sequential(*down, ResidualBlock(widths[-1], 2), nn.Conv2d(widths[-1], latent, 1))
        self.codebook = nn.Embedding(codes, latent)
        nn.init.uniform_(self.codebook.weight, -1.0, 1.0)
        up: list[nn.Module] = [nn.Conv2d(latent, widths[-1], 1), ResidualBlock(widths[-1], 2)]
        for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True):
            up += [nn.Conv2d(before, after, 1), nn.Upsample(scale_factor=2.0, mode="bilinear")]
            up += [ResidualBlock(after, 2)]
        self.decoder = nn.Sequential(*up)
        self.head = nn.Conv2d(width, channels, 3, padding=1)

    def encode(self, images: Tensor) -> Coded:
        """Map `(B, C, H, W)` to latents and their codes, `(B, Z, H / f, W / f)`."""
        latent: Tensor = self.encoder(images)
        tokens = latent.movedim(1, -1)
        flat, book = tokens.reshape(-1, latent.shape[1]).float(), self.codebook.weight.float()
        distance = book.square().sum(1) - 2 * flat.detach() @ book.detach().T
        code = self.codebook(distance.argmin(1)).reshape(tokens.shape).movedim(-1, 1)
        return Coded(latent, code, latent + (code - latent).detach())

    def decode(self, latent: Tensor) -> Tensor:
        """Map latents `(B, Z, h, w)` to float32 images in [-1, 1]."""
        x = self.decoder(latent)
        with full_precision(x):
            out: Tensor = torch.tanh(self.head(x.float()))
        return out


def codebook_terms(coded: Coded, commitment: float) -> dict[str, Tensor]:
    """Return the codebook's distance from the latents, and the latents' weighted distance from their codes."""
    return {
        "codebook": F.mse_loss(coded.code.float(), coded.latent.detach().float()),
        "commitment": commitment * F.mse_loss(coded.latent.float(), coded.code.detach().float()),
    }
