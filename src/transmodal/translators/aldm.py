"""ALDM: Kim and Park, Adaptive Latent Diffusion Model for 3D Medical Image to Image Translation: Multi-modal Magnetic
Resonance Imaging Study, WACV 2024; here in two dimensions.

First autoencoders with codebooks learn latent maps of sources and target; then a diffusion model learns to draw the
target's latent map, every block of it normalised by the source's (SPADE). Translating draws: from noise that each
window's own seed gives, by a deterministic sampler. docs/papers/aldm.md says what differs from the original.
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from transmodal.batch import Batch, generators
from transmodal.losses.adversarial import least_squares, least_squares_discriminator
from transmodal.nets.diffusion import ConditionedUNet, Schedule
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.nets.sides import check_sides
from transmodal.nets.vq import Coded, VQAutoencoder, codebook_terms
from transmodal.translators._base import Translator, TranslatorConfig


class Config(TranslatorConfig):
    """The original's values, in two dimensions.

    Attributes:
        width: channels of the autoencoders' first stage.
        halvings: of the sides between image and latent map; 2 is a factor of 4.
        latent: channels of a latent map.
        codes: entries of each codebook.
        commitment: weight of the latents' distance from their codes.
        adversarial_weight: of the autoencoders' adversarial term.
        discriminator_layers: strided layers of the autoencoders' discriminator.
        diffusion_width: channels of the denoiser's first stage.
        multiples: of that width, per stage.
        heads: of the denoiser's attention.
        steps: of the noise schedule.
        sampler_steps: of the deterministic sampler.
    """

    width: int = Field(64, ge=1)
    halvings: int = Field(2, ge=1, le=4)
    latent: int = Field(4, ge=1)
    codes: int = Field(8192, ge=2)
    commitment: float = Field(0.25, ge=0)
    adversarial_weight: float = Field(0.1, ge=0)
    discriminator_layers: int = Field(3, ge=1, le=5)
    diffusion_width: int = Field(128, ge=2)
    multiples: tuple[int, ...] = Field((1, 1, 2), min_length=1)
    heads: int = Field(8, ge=1)
    steps: int = Field(1000, ge=1)
    sampler_steps: int = Field(50, ge=1)


class Outputs(NamedTuple):
    """What the players of both phases judge; None where a phase has no use for it.

    Attributes:
        prediction: the reconstructed target `(B, T, H, W)`, or the noise that was predicted in its latent map.
        source_image: the reconstructed source.
        source: the source's latents and codes.
        target: the target's latents and codes.
        noise: that was added to the target's latent map.
    """

    prediction: Tensor
    source_image: Tensor | None = None
    source: Coded | None = None
    target: Coded | None = None
    noise: Tensor | None = None


class ALDM(Translator[Outputs]):
    """Two phases: `autoencoder`, then `diffusion`."""

    phases = ("autoencoder", "diffusion")
    preparatory = frozenset({"autoencoder"})
    draws = True
    config: Config
    scale: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        shape = (config.width, config.halvings, config.latent, config.codes)
        self.autoencoders = Autoencoders(
            VQAutoencoder(config.in_channels, *shape), VQAutoencoder(config.target_channels, *shape)
        )
        channels = config.in_channels + config.target_channels
        self.discriminator = PatchDiscriminator(
            channels, config.width, "instance", config.discriminator_layers
        )
        self.denoiser = ConditionedUNet(
            config.latent, config.latent, config.diffusion_width, config.multiples, config.heads
        )
        self.schedule = Schedule(config.steps)
        # Latents are divided by this, so that noise of deviation 1 is as large as they are.
        self.register_buffer("scale", torch.ones(()))

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, H, W)` into `(B, T, H, W)` in [-1, 1]; `noise` are seeds, None is seed 0."""
        self.check(source, available)
        condition = self.autoencoders.source.encode(source).passed / self.scale
        seeds = torch.zeros(len(source), dtype=torch.int64) if noise is None else noise
        start = _normal(seeds, condition.shape[1:], stream=1).to(condition)
        latent = self.schedule.sample(
            lambda x, step: self.denoiser(x, step, condition), start, self.config.sampler_steps
        )
        out: Tensor = self.autoencoders.target.decode(latent * self.scale)
        return out

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return int(2 ** (self.config.halvings + len(self.config.multiples) - 1))

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse as the base does, and windows of which one place is left where the denoiser sees them coarsest.

        Raises:
            UsageError: E004.
        """
        super().check(source, available)
        check_sides(source, 2 * self.size_multiple(), "the denoiser")

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the autoencoders with their discriminator, or the denoiser."""
        if phase == "diffusion":
            return {"denoiser": self.denoiser}
        return {"autoencoders": self.autoencoders, "discriminator": self.discriminator}

    def synthesise(self, batch: Batch) -> Outputs:
        """Reconstruct source and target, or predict the noise in the target's latent map.

        Raises:
            InputError: E131 for a batch without target.
            UsageError: E004 for windows on which the discriminator has no verdict, and as `check`.
        """
        self.check(batch.source, batch.available)
        if batch.phase == "autoencoder":
            fewer = "fewer settings.discriminator_layers"
            check_sides(batch.source, self.discriminator.least_side, "the discriminator", fewer)
        source, target = self.autoencoders.source, self.autoencoders.target
        image = batch.paired()
        if batch.phase != "diffusion":
            of_source, of_target = source.encode(batch.source), target.encode(image)
            self._rescale(of_target.latent)
            return Outputs(
                target.decode(of_target.passed), source.decode(of_source.passed), of_source, of_target
            )
        with torch.no_grad():
            condition = source.encode(batch.source).passed / self.scale
            clean = target.encode(image).latent / self.scale
        steps = torch.cat(
            [torch.randint(self.config.steps, (1,), generator=one) for one in batch.generators(2)]
        ).to(clean.device)
        if batch.draw is None:
            raise ValueError("this batch carries no seeds (draw)")
        noise = _normal(batch.draw, clean.shape[1:], stream=3).to(clean)
        return Outputs(self.denoiser(self.schedule.noisy(clean, noise, steps), steps, condition), noise=noise)

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms: VQGAN's, or the squared distance from the noise (Ho et al., eq. 14)."""
        if player == "denoiser":
            if outputs.noise is None:
                raise ValueError("outputs of another phase")
            return {"noise": F.mse_loss(outputs.prediction, outputs.noise.float())}
        image = batch.paired()
        if outputs.source_image is None or outputs.source is None or outputs.target is None:
            raise ValueError("outputs of another phase")
        made = torch.cat([outputs.source_image, outputs.prediction], dim=1)
        if player == "discriminator":
            real = torch.cat([batch.source, image], dim=1)
            return least_squares_discriminator(self.discriminator(real), self.discriminator(made.detach()))
        weight = self.config.adversarial_weight
        terms = {
            "target": F.l1_loss(outputs.prediction, image),
            "source": F.l1_loss(outputs.source_image, batch.source),
            "adversarial": weight * least_squares(self.discriminator(made), real=True),
        }
        for name, coded in (("source", outputs.source), ("target", outputs.target)):
            for term, value in codebook_terms(coded, self.config.commitment).items():
                terms[f"{name}_{term}"] = value
        return terms

    def _rescale(self, latent: Tensor) -> None:
        """Follow the deviation of the target's latents, slowly."""
        with torch.no_grad():
            self.scale.lerp_(latent.detach().float().std().clamp_min(1e-3), 0.05)


class Autoencoders(nn.Module):
    """One for sources, one for the target: their channels may differ."""

    def __init__(self, source: VQAutoencoder, target: VQAutoencoder) -> None:
        super().__init__()
        self.source, self.target = source, target


def _normal(seeds: Tensor, shape: torch.Size, stream: int) -> Tensor:
    return torch.stack([torch.randn(shape, generator=one) for one in generators(seeds, stream)])


def build(config: Config) -> ALDM:
    """Build the translator."""
    return ALDM(config)
