"""The conditional GAN with L1, in which one generator can stand for another.

pix2pix (Isola et al., CVPR 2017) introduced it; ResViT, AGI-Net and MRNet train their generators in it, and MRNet
compares the generators of others in it too. A translator gives its generator and says how it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from transmodal.batch import Batch
from transmodal.losses.adversarial import Gan
from transmodal.losses.conditional_gan import discriminator_terms, generator_terms
from transmodal.nets.blocks import NormKind
from transmodal.nets.patchgan import Discriminator, PatchDiscriminator
from transmodal.nets.sides import check_sides
from transmodal.translators._base import Translator, TranslatorConfig

Order = Literal["generator", "discriminator"]
"""The player that steps first."""


class ConditionalGanConfig(TranslatorConfig):
    """pix2pix's values.

    Attributes:
        l1_weight: of the mean absolute error.
        adversarial_weight: of the generator's adversarial term; 0 trains without discriminator.
        discriminator_layers: strided layers; 3 judges 70 x 70 pixels.
        discriminator_norm: of the discriminator's inner layers; None takes the translator's own.
        steps_first: which player steps first, so that the second one meets its update; None takes the translator's own.
        gan: cross-entropy on logits (`vanilla`) or `least_squares`.
    """

    l1_weight: float = Field(100.0, ge=0)
    adversarial_weight: float = Field(1.0, ge=0)
    discriminator_layers: int = Field(3, ge=1, le=5)
    discriminator_norm: Literal["batch", "instance"] | None = None
    steps_first: Order | None = None
    gan: Gan = "least_squares"


class Outputs(NamedTuple):
    """One run of the generator, shared by all players.

    Attributes:
        synthetic: `(B, T, *S)` in [-1, 1].
    """

    synthetic: Tensor


def patch_discriminator(
    config: ConditionalGanConfig, norm: NormKind, width: int | None = None
) -> PatchDiscriminator | None:
    """Build pix2pix's discriminator; None where it would weigh nothing.

    Args:
        config: of the translator.
        norm: of the discriminator's inner layers, unless `config.discriminator_norm` names one.
        width: channels of its first layer; `config.width` unless given.
    """
    if config.adversarial_weight == 0:
        return None
    channels = config.in_channels + config.target_channels
    kind = config.discriminator_norm or norm
    return PatchDiscriminator(
        channels, width or config.width, kind, config.discriminator_layers, spatial_dims=config.spatial_dims
    )


def stepping(players: Mapping[str, nn.Module], first: Order) -> dict[str, nn.Module]:
    """Return a generator and a discriminator, in the order in which they step; one alone stays alone."""
    order = ("generator", "discriminator") if first == "generator" else ("discriminator", "generator")
    return {name: players[name] for name in order if name in players}


class ConditionalGan(Translator[Outputs]):
    """A generator and, unless its weight is 0, a discriminator that sees the source beside the image.

    Args:
        config: of the translator.
        generator: from `(B, C, *S)` to float32 `(B, T, *S)` in [-1, 1].
        discriminator: of source and image as channels of one tensor; None leaves the L1 alone.
        multiple: what the sides must be a multiple of.
        least: shortest side that the generator takes, where it is more than one multiple.
        steps_first: the player that steps first, unless `config.steps_first` names one.
    """

    config: ConditionalGanConfig

    def __init__(
        self,
        config: ConditionalGanConfig,
        generator: nn.Module,
        discriminator: Discriminator | None,
        *,
        multiple: int = 1,
        least: int = 0,
        steps_first: Order = "generator",
    ) -> None:
        super().__init__(config)
        self.generator = generator
        self.discriminator = discriminator
        self.batch_coupled = any(isinstance(part, _BatchNorm) for part in self.modules())
        self._multiple, self._least = multiple, least
        self._first: Order = config.steps_first or steps_first

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, *S)` into `(B, T, *S)` in [-1, 1]."""
        self.check(source, available)
        out: Tensor = self.generator(source)
        return out

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return self._multiple

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse as the base does, and windows that are too small for the generator.

        Raises:
            UsageError: E004.
        """
        super().check(source, available)
        check_sides(source, self._least, "the generator")

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the generator, and the discriminator where there is one, in stepping order."""
        if self.discriminator is None:
            return {"generator": self.generator}
        players = {"generator": self.generator, "discriminator": self.discriminator}
        return stepping(players, self._first)

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once.

        Raises:
            UsageError: E004 for windows on which the discriminator has no verdict, and as `check`.
        """
        self.check_judged(batch)
        return Outputs(self(batch.source, batch.available))

    def check_judged(self, batch: Batch) -> None:
        """Refuse windows on which the discriminator has no verdict.

        Raises:
            UsageError: E004.
        """
        if self.discriminator is not None:
            least, fewer = self.discriminator.least_side, "fewer settings.discriminator_layers"
            check_sides(batch.source, least, "the discriminator", fewer)

    def condition(self, batch: Batch) -> Tensor:
        """Return what the discriminator sees beside the image, `(B, C, *S)`: the source, of a slab all slices."""
        return batch.source

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms: eq. 3 and 4 of pix2pix."""
        config, target = self.config, batch.paired()
        if self.discriminator is None:
            return {"l1": config.l1_weight * F.l1_loss(outputs.synthetic.float(), target.float())}
        judged = (self.discriminator, self.condition(batch), outputs.synthetic, target)
        if player == "discriminator":
            return discriminator_terms(*judged, gan=config.gan)
        return generator_terms(
            *judged,
            l1_weight=config.l1_weight,
            adversarial_weight=config.adversarial_weight,
            gan=config.gan,
        )
