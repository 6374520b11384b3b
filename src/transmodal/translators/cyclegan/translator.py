"""CycleGAN: settings, networks, players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.losses.adversarial import discriminator_halves, verdict
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.nets.resnet import ResNetGenerator
from transmodal.nets.sides import check_sides
from transmodal.translators._base import Translator
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    ConditionalGanConfig,
    patch_discriminator,
)
from transmodal.translators.cyclegan.pool import ImagePool

_MULTIPLE = 4  # sides are halved twice
_LEAST = 2 * _MULTIPLE  # what is normalised by image has to have more than one place


class Config(ConditionalGanConfig):
    """The paper's values.

    Attributes:
        blocks: residual blocks per generator; 9 for 256 x 256.
        objective: `paper`, or `cgan`: one generator in the conditional GAN with L1, on pairs.
        cycle_weight: of both cycle terms.
        identity_weight: of both identity terms, relative to `cycle_weight`; 0 leaves them out.
        pool: earlier synthetic images that each discriminator may see again.
        paired_weight: of the mean absolute error of both generators on those samples whose target is of the place of their
            source; 0 takes every case as one without a pair.
    """

    blocks: int = Field(9, ge=1)
    objective: Literal["paper", "cgan"] = "paper"
    cycle_weight: float = Field(10.0, ge=0)
    identity_weight: float = Field(0.5, ge=0)
    pool: int = Field(50, ge=0)
    paired_weight: float = Field(0.0, ge=0)


class Outputs(NamedTuple):
    """One run of both generators, shared by all players.

    Attributes:
        synthetic: `(B, T, *S)` target-like images of the sources.
        back: `(B, C, *S)` source-like images of the targets.
        source_cycle: the sources, there and back.
        target_cycle: the targets, back and there.
        source_same: the sources as the backward generator leaves them; None without identity terms.
        target_same: the targets as the forward generator leaves them; None without identity terms.
        judged_synthetic: what the target's discriminator sees, of now and before.
        judged_back: what the source's discriminator sees, of now and before.
    """

    synthetic: Tensor
    back: Tensor
    source_cycle: Tensor
    target_cycle: Tensor
    source_same: Tensor | None
    target_same: Tensor | None
    judged_synthetic: Tensor
    judged_back: Tensor


class CycleGAN(Translator[Outputs]):
    """Four networks, three players: both generators step together, as the paper's objective has them."""

    pairing = "unpaired"
    supported_dims = (2, 3)
    batch_coupled = True  # the pool
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.learns_pairs = config.paired_weight > 0
        sources, targets = config.in_channels, config.target_channels
        if config.identity_weight > 0 and sources != targets:
            raise UsageError(
                "E004",
                f"cyclegan's identity terms for {sources} source and {targets} target channels",
                "as many channels on both sides",
                "Set settings.identity_weight=0.",
            )
        self.generators = nn.ModuleDict(
            {
                "there": _generator(config, sources, targets),
                "back": _generator(config, targets, sources),
            }
        )
        layers, norm = config.discriminator_layers, config.discriminator_norm or "instance"
        self.target_discriminator, self.source_discriminator = (
            PatchDiscriminator(channels, config.width, norm, layers, spatial_dims=config.spatial_dims)
            for channels in (targets, sources)
        )
        self.synthetic_pool, self.back_pool = ImagePool(config.pool), ImagePool(config.pool)

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, *S)` into `(B, T, *S)` in [-1, 1]."""
        self.check(source, available)
        out: Tensor = self.generators["there"](source)
        return out

    def cycle(self, source: Tensor, available: Tensor) -> Tensor:
        """Return the sources after both generators, `(B, C, *S)` in [-1, 1]."""
        returned: Tensor = self.generators["back"](self(source, available))
        return returned

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return _MULTIPLE

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse as the base does, and windows that are too small for the generator.

        Raises:
            UsageError: E004.
        """
        super().check(source, available)
        check_sides(source, _LEAST, "the generator")

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return generators and discriminators in stepping order: the generators first, unless settings say otherwise."""
        generators: dict[str, nn.Module] = {"generators": self.generators}
        judges: dict[str, nn.Module] = {
            "target_discriminator": self.target_discriminator,
            "source_discriminator": self.source_discriminator,
        }
        return judges | generators if self.config.steps_first == "discriminator" else generators | judges

    def synthesise(self, batch: Batch) -> Outputs:
        """Run both generators on sources and targets, and ask the pools what is judged.

        Raises:
            InputError: E131 for a batch without target.
            UsageError: E004 for windows on which the discriminators have no verdict, and as `check`.
        """
        target = batch.paired()
        least, fewer = self.target_discriminator.least_side, "fewer settings.discriminator_layers"
        check_sides(batch.source, least, "the discriminators", fewer)
        to_target, to_source = self.generators["there"], self.generators["back"]
        synthetic, returned = self(batch.source, batch.available), to_source(target)
        with_identity = self.config.identity_weight > 0
        return Outputs(
            synthetic,
            returned,
            to_source(synthetic),
            to_target(returned),
            to_source(batch.source) if with_identity else None,
            to_target(target) if with_identity else None,
            self.synthetic_pool(synthetic, batch.generators(1)),
            self.back_pool(returned, batch.generators(2)),
        )

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms: eq. 1 to 3, and the identity terms of section 5.2."""
        target, gan = batch.paired(), self.config.gan
        if player == "target_discriminator":
            judge = self.target_discriminator
            return discriminator_halves(judge(target), judge(outputs.judged_synthetic), gan)
        if player == "source_discriminator":
            judge = self.source_discriminator
            return discriminator_halves(judge(batch.source), judge(outputs.judged_back), gan)
        cycle, identity = self.config.cycle_weight, self.config.cycle_weight * self.config.identity_weight
        terms = {
            "adversarial": verdict(self.target_discriminator(outputs.synthetic), real=True, gan=gan),
            "adversarial_back": verdict(self.source_discriminator(outputs.back), real=True, gan=gan),
            "source_cycle": cycle * F.l1_loss(outputs.source_cycle, batch.source),
            "target_cycle": cycle * F.l1_loss(outputs.target_cycle, target),
        }
        if outputs.source_same is not None and outputs.target_same is not None:
            terms["source_same"] = identity * F.l1_loss(outputs.source_same, batch.source)
            terms["target_same"] = identity * F.l1_loss(outputs.target_same, target)
        return terms | self._paired_terms(batch, outputs)

    def _paired_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return what both generators miss on pairs; a mean over all samples, so that it is the same over processes."""
        if not self.learns_pairs or batch.is_pair is None:
            return {}
        images = {"paired": (outputs.synthetic, batch.paired()), "paired_back": (outputs.back, batch.source)}
        return {
            name: self.config.paired_weight * (_errors(image, own) * batch.is_pair).mean()
            for name, (image, own) in images.items()
        }


class PairedCycleGAN(ConditionalGan):
    """One generator of CycleGAN in the conditional GAN with L1."""

    supported_dims = (2, 3)


def build(config: Config) -> CycleGAN | ConditionalGan:
    """Build the translator; under `cgan` its generator alone is taken.

    Raises:
        UsageError: E004 for a weight of pairs under `cgan`, and as `CycleGAN`.
    """
    if config.objective == "paper":
        return CycleGAN(config)
    if config.paired_weight > 0:
        raise UsageError(
            "E004",
            "cyclegan's paired_weight with objective cgan, which learns from pairs alone",
            "one of the two",
            "Set settings.paired_weight=0, or settings.objective=paper.",
        )
    generator = _generator(config, config.in_channels, config.target_channels)
    return PairedCycleGAN(
        config, generator, patch_discriminator(config, "instance"), multiple=_MULTIPLE, least=_LEAST
    )


def _generator(config: Config, before: int, after: int) -> ResNetGenerator:
    return ResNetGenerator(before, after, config.width, config.blocks, spatial_dims=config.spatial_dims)


def _errors(image: Tensor, own: Tensor) -> Tensor:
    """Return the mean absolute error of every sample, `(B,)`."""
    return (image.float() - own.float()).abs().flatten(1).mean(dim=1)
