"""PPT: players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.losses.adversarial import discriminator_halves, verdict
from transmodal.losses.perceptual import perceptual_l1
from transmodal.nets.frozen import FrozenNet
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.nets.sides import check_sides
from transmodal.nets.vgg import least_side, pretrained_vgg
from transmodal.translators._base import Translator
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    patch_discriminator,
    stepping,
)
from transmodal.translators.ppt.config import Config
from transmodal.translators.ppt.contrastive import focal_nce, patch_distance, pyramid_distance
from transmodal.translators.ppt.generator import ContrastiveGenerator

CONTENT_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
"""Of VGG-19's relu1_1 to relu5_1."""


class Outputs(NamedTuple):
    """One run of the generator, shared by all players.

    Attributes:
        synthetic: `(B, T, H, W)` in [-1, 1].
        identity: the same of the target; None where it is not compared.
        places: `(B, 5, P)`, int64, where each map is looked at; None without contrastive terms.
    """

    synthetic: Tensor
    identity: Tensor | None = None
    places: Tensor | None = None


class Ppt(Translator[Outputs]):
    """A generator with the projections of its features, against an unconditional patch discriminator."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.generator = ContrastiveGenerator(config)
        self.discriminator = PatchDiscriminator(
            config.target_channels,
            config.width,
            config.discriminator_norm or "instance",
            config.discriminator_layers,
        )
        self.batch_coupled = config.discriminator_norm == "batch"
        self._vgg: FrozenNet | None = None
        if config.content_weight > 0:
            otherwise = "set settings.vgg to its path, or settings.content_weight=0 or settings.vgg=random."
            self._vgg = pretrained_vgg(config.vgg, "torchvision", "relu", otherwise)

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, H, W)` into `(B, T, H, W)` in [-1, 1]."""
        self.check(source, available)
        out: Tensor = self.generator(source)
        return out

    def frozen(self) -> Mapping[str, FrozenNet]:
        """Return VGG-19 where the content term is on."""
        return {} if self._vgg is None else {"vgg": self._vgg}

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return 1 << self.config.downsamplings

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse as the base does, and sides whose innermost maps are of one pixel, which cannot be mirrored.

        Raises:
            UsageError: E004.
        """
        super().check(source, available)
        check_sides(source, 2 * self.size_multiple(), f"{self.config.downsamplings} downsamplings")

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the discriminator and the generator with its projections, in stepping order."""
        players = {"generator": self.generator, "discriminator": self.discriminator}
        return stepping(players, self.config.steps_first or "discriminator")

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator on the source and, where they are compared, the target; draw the places.

        Raises:
            UsageError: E004 for windows on which a loss cannot be computed, and as `check`.
            InputError: E131 for a batch without target.
        """
        check_sides(batch.source, self.discriminator.least_side, "the discriminator")
        if self._vgg is not None:
            check_sides(batch.source, least_side("torchvision"), "VGG-19")
        synthetic = self(batch.source, batch.available)
        if not self.config.contrasts:
            return Outputs(synthetic)
        places = self._draw_places(batch)
        if not self.config.identity:
            return Outputs(synthetic, None, places)
        return Outputs(synthetic, self.generator(self.generator.as_source(batch.paired())), places)

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's weighted terms."""
        config, judge, target = self.config, self.discriminator, batch.paired()
        if player == "discriminator":
            return discriminator_halves(judge(target), judge(outputs.synthetic.detach()), config.gan)
        verdicts = judge(outputs.synthetic)
        adversarial = config.adversarial_weight * verdict(verdicts, real=True, gan=config.gan)
        return {
            "adversarial": adversarial,
            **self._likeness(target, outputs),
            **self._contrast(batch, outputs),
        }

    def _likeness(self, target: Tensor, outputs: Outputs) -> dict[str, Tensor]:
        config, synthetic = self.config, outputs.synthetic
        terms = dict[str, Tensor]()
        if config.pyramid_weight > 0:
            terms["pyramid"] = config.pyramid_weight * pyramid_distance(synthetic, target, config.levels)
        if config.alignment_weight > 0:
            terms["alignment"] = config.alignment_weight * patch_distance(synthetic, target)
        if self._vgg is not None:
            terms["content"] = config.content_weight * perceptual_l1(
                self._vgg, (synthetic + 1) / 2, (target + 1) / 2, CONTENT_WEIGHTS
            )
        return terms

    def _contrast(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return A to synthetic B, B to identity B and identity B to B: what is named first gives the keys."""
        if outputs.places is None:
            return {}
        look, as_source, config = self.generator.look, self.generator.as_source, self.config
        with torch.no_grad():
            source = look(batch.source, outputs.places)
        pairs = {"contrast": (source, look(as_source(outputs.synthetic), outputs.places))}
        if outputs.identity is not None:
            target, again = (
                look(as_source(image), outputs.places) for image in (batch.paired(), outputs.identity)
            )
            pairs["contrast_identity"] = (target, again)
            pairs["contrast_target"] = (again, target)
        terms = dict[str, Tensor]()
        for name, (keys, queries) in pairs.items():
            distances = [
                focal_nce(query, key, config.temperature, gamma=config.focal_gamma)
                for query, key in zip(queries, keys, strict=True)
            ]
            terms[name] = config.contrast_weight * torch.stack(distances).mean()
        return terms

    def _draw_places(self, batch: Batch) -> Tensor:
        areas = self.generator.areas(*batch.source.shape[2:])
        count = min(self.config.patches, *areas)
        places = [
            torch.stack([torch.randperm(area, generator=generator)[:count] for area in areas])
            for generator in batch.generators()
        ]
        return torch.stack(places).to(batch.source.device)


def build(config: Config) -> Ppt | ConditionalGan:
    """Build the translator; under `cgan` its generator alone is taken."""
    if config.objective == "paper":
        return Ppt(config)
    generator, discriminator = ContrastiveGenerator(config), patch_discriminator(config, "instance")
    multiple = 1 << config.downsamplings
    return ConditionalGan(config, generator, discriminator, multiple=multiple, least=2 * multiple)
