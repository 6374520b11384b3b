"""ALDM: players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.batch import Batch, copy_to, generators
from transmodal.errors import UsageError
from transmodal.losses.regression import squared
from transmodal.nets.sides import check_sides
from transmodal.translators._base import Translator
from transmodal.translators.aldm.average import WeightAverage
from transmodal.translators.aldm.config import Config
from transmodal.translators.aldm.diffusion import DenoiserShape, DenoisingUNet, Schedule
from transmodal.translators.aldm.spade import LatentMapper
from transmodal.translators.aldm.vq import AutoencoderShape, Coded, VQAutoencoder, codebook_terms, deviation


class Outputs(NamedTuple):
    """One run of a phase, shared by its players; None where a phase has no use for a field.

    Attributes:
        prediction: the reconstructed target `(B, T, H, W)`, the mapped latents, or what the denoiser gives.
        goal: what the prediction is held against in the latter two.
        source_image: the reconstructed source.
        source: the source's latents and codes.
        target: the target's latents and codes.
    """

    prediction: Tensor
    goal: Tensor | None = None
    source_image: Tensor | None = None
    source: Coded | None = None
    target: Coded | None = None


class Autoencoders(nn.Module):
    """One for all contrasts where source and target are one image each of as many channels; else one for each side.

    Attributes:
        source: the source's.
        target: the target's, the same module where it is shared.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        shape = AutoencoderShape(
            config.width, config.stages, config.latent, config.codes, config.groups, config.code_spread
        )
        alike = len(config.source_channels) == 1 and config.in_channels == config.target_channels
        self.target = VQAutoencoder(config.target_channels, shape)
        self.own = None if alike else VQAutoencoder(config.in_channels, shape)

    @property
    def shared(self) -> bool:
        """Whether source and target have the same autoencoder."""
        return self.own is None

    @property
    def source(self) -> VQAutoencoder:
        """The source's autoencoder."""
        return self.target if self.own is None else self.own


class ALDM(Translator[Outputs]):
    """Three phases: `autoencoder`, `spade`, `diffusion`; each trains its part, the earlier ones stay as they are."""

    phases = ("autoencoder", "spade", "diffusion")
    preparatory = frozenset({"autoencoder", "spade"})
    draws = True
    trains_on_image = False
    config: Config
    deviation: Tensor
    measured: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.autoencoders = Autoencoders(config)
        if config.directions == "all" and not self.autoencoders.shared:
            raise UsageError(
                "E004",
                f"aldm with directions: all from {config.source_channels} to {config.target_channels} channels",
                "one source of as many channels as the target",
                "Set settings.directions=task.",
            )
        classes = 1 if config.directions == "task" else 2
        self.mapper = LatentMapper(classes, config.latent, config.spade_width, config.spade_hidden)
        shape = DenoiserShape(
            config.diffusion_width, config.multiples, config.attention, config.head_channels, config.groups
        )
        self.denoiser = DenoisingUNet(config.latent, 2 * config.latent, classes, shape)
        self.average = WeightAverage(self.denoiser, config.average)
        self.schedule = Schedule(config.steps, config.predicts)
        # Mean deviation of the target's latents in the second phase, and over how many steps.
        self.register_buffer("deviation", torch.ones(()))
        self.register_buffer("measured", torch.zeros((), dtype=torch.int64))

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, H, W)` into `(B, T, H, W)` in [-1, 1]; `noise` are seeds, None is seed 0."""
        self.check(source, available)
        latent = self.autoencoders.source.encode(source).passed
        classes = self._targets(len(source), latent.device)
        condition = self._condition(latent, classes)
        seeds = torch.zeros(len(source), dtype=torch.int64) if noise is None else noise

        def denoise(x: Tensor, step: Tensor) -> Tensor:
            return self.average.call(self.denoiser, x, step, condition, classes)

        latents = self.schedule.sample(
            denoise, _noise(seeds, latent, stream=1), self.config.sampler_steps, self.config.eta
        )
        out: Tensor = self.autoencoders.target.decode(latents / self._factor()).clamp(-1, 1)
        return out

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return int(2 ** (len(self.config.stages) + len(self.config.multiples) - 2))

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse as the base does, and windows of which one place is left where the denoiser sees them coarsest.

        Raises:
            UsageError: E004.
        """
        super().check(source, available)
        check_sides(source, 2 * self.size_multiple(), "the denoiser")

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the part that the phase trains."""
        if phase == "diffusion":
            return {"denoiser": self.denoiser}
        return {"mapper": self.mapper} if phase == "spade" else {"autoencoders": self.autoencoders}

    def synthesise(self, batch: Batch) -> Outputs:
        """Reconstruct source and target, map the source's latents, or denoise the target's.

        Raises:
            InputError: E131 for a batch without target.
            UsageError: as `check`.
        """
        self.check(batch.source, batch.available)
        if batch.phase == "autoencoder":
            return self._reconstructed(batch)
        with torch.no_grad():
            source = self.autoencoders.source.encode(batch.source).passed
            target = self.autoencoders.target.encode(batch.paired()).passed
            classes = self._targets(len(source), source.device)
            if self.config.directions == "all":
                source, target, classes = _turned(source, target, classes, batch)
        if batch.phase == "spade":
            self._measure(target)
            return Outputs(self.mapper(source, classes), target)
        with torch.no_grad():
            condition, clean = self._condition(source, classes), target * self._factor()
        return self._denoised(batch, clean, condition, classes)

    def draft(self, batch: Batch) -> Tensor | None:
        """Return the decoded image of the mapped latents, which the denoiser starts from; None for autoencoders."""
        if batch.phase == "autoencoder":
            return None
        self.check(batch.source, batch.available)
        latent = self.autoencoders.source.encode(batch.source).passed
        mapped = self.mapper(latent, self._targets(len(latent), latent.device))
        out: Tensor = self.autoencoders.target.decode(mapped).clamp(-1, 1)
        return out

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms.

        The autoencoders' are the absolute error of each image and the codebook's terms, the mapper's the absolute error
        of the latents, the denoiser's the squared error (Ho et al., eq. 14).
        """
        if player != "autoencoders":
            if outputs.goal is None:
                raise ValueError("outputs of another phase")
            distance = F.l1_loss if player == "mapper" else squared
            name: str = "latent" if player == "mapper" else self.config.predicts
            return {name: distance(outputs.prediction, outputs.goal.float())}
        if outputs.source_image is None or outputs.source is None or outputs.target is None:
            raise ValueError("outputs of another phase")
        terms = {
            "target": F.l1_loss(outputs.prediction, batch.paired()),
            "source": F.l1_loss(outputs.source_image, batch.source),
        }
        weight, beta = self.config.codebook_weight, self.config.beta
        for name, coded in (("source", outputs.source), ("target", outputs.target)):
            for term, value in codebook_terms(coded, weight, beta).items():
                terms[f"{name}_{term}"] = value
        return terms

    def _reconstructed(self, batch: Batch) -> Outputs:
        of_source, of_target = self.autoencoders.source, self.autoencoders.target
        source, target = of_source.encode(batch.source), of_target.encode(batch.paired())
        return Outputs(
            of_target.decode(target.passed),
            source_image=of_source.decode(source.passed),
            source=source,
            target=target,
        )

    def _denoised(self, batch: Batch, clean: Tensor, condition: Tensor, classes: Tensor) -> Outputs:
        if self.training:  # what the step before this one made of the weights
            self.average.follow(self.denoiser)
        steps = torch.cat(
            [torch.randint(self.config.steps, (1,), generator=generator) for generator in batch.generators(2)]
        ).to(clean.device)
        noise = next(_noise(_seeds(batch), clean, stream=3))
        noisy = self.schedule.noisy(clean, noise, steps)
        prediction = self.denoiser(noisy, steps, condition, classes)
        return Outputs(prediction, self.schedule.goal(clean, noise))

    def _condition(self, source: Tensor, classes: Tensor) -> Tensor:
        """Return source latents and mapped latents, `(B, 2 Z, h, w)`, scaled for the denoiser."""
        return torch.cat([source, self.mapper(source, classes)], dim=1) * self._factor()

    def _targets(self, n: int, device: torch.device) -> Tensor:
        """Return the class of the task's target for `n` samples: the last one."""
        last = 0 if self.config.directions == "task" else 1
        return torch.full((n,), last, dtype=torch.int64, device=device)

    def _factor(self) -> Tensor:
        """Return what latents are multiplied by for the denoiser."""
        scale = self.config.latent_scale
        return 1 / self.deviation if scale is None else torch.full_like(self.deviation, scale)

    @torch.no_grad()
    def _measure(self, latent: Tensor) -> None:
        """Take a batch of latents into the mean of their deviation."""
        if self.training:
            self.measured += 1
            self.deviation += (deviation(latent) - self.deviation) / self.measured


def _turned(source: Tensor, target: Tensor, classes: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Exchange source and target in half of the samples, by their seeds; the source's contrast is class 0."""
    chances = torch.cat([torch.rand(1, generator=generator) for generator in batch.generators(4)])
    turned = copy_to(source.device, chances < 0.5)
    place = turned.reshape(-1, 1, 1, 1)
    return (
        torch.where(place, target, source),
        torch.where(place, source, target),
        torch.where(turned, torch.zeros_like(classes), classes),
    )


def _seeds(batch: Batch) -> Tensor:
    if batch.draw is None:
        raise ValueError("this batch carries no seeds (draw)")
    return batch.draw


def _noise(seeds: Tensor, like: Tensor, stream: int) -> Iterator[Tensor]:
    """Yield normal noise of a batch's shape without end, every sample's from its own seed."""
    drawing = generators(seeds, stream)
    while True:
        yield torch.stack([torch.randn(like.shape[1:], generator=generator) for generator in drawing]).to(
            like
        )


def build(config: Config) -> ALDM:
    """Build the translator."""
    return ALDM(config)
