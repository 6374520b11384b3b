"""TCGAN: players and losses; the package cites the paper."""

from __future__ import annotations

from torch import Tensor

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.losses.regression import smooth_absolute
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    Outputs,
    patch_discriminator,
)
from transmodal.translators.tcgan.config import Config
from transmodal.translators.tcgan.discriminator import OwnDiscriminator
from transmodal.translators.tcgan.generator import Generator
from transmodal.translators.tcgan.transformer import REDUCTION


class Tcgan(ConditionalGan):
    """A conditional GAN whose generator is a U-Net and a transformer.

    `parallel` may leave [-1, 1]: losses see it so, and what is translated is cut off there.
    """

    config: Config

    def __init__(self, config: Config) -> None:
        if config.arrangement == "serial" and config.in_channels != config.target_channels:
            raise UsageError(
                "E004",
                f"settings.arrangement=serial from {config.in_channels} channels to {config.target_channels}",
                "as many channels in as out: source and transformer are averaged",
                "Set settings.arrangement=parallel.",
            )
        generator = Generator(config)
        super().__init__(
            config,
            generator,
            patch_discriminator(config, "batch") if config.objective == "cgan" else _own(config),
            multiple=2**config.levels,
            # Maps of one pixel cannot be normalised.
            least=0 if config.arrangement == "unet" else 2 * REDUCTION,
        )

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, H, W)` into `(B, T, H, W)` in [-1, 1]; `noise` are seeds of the dropout."""
        self.check(source, available)
        out: Tensor = self.generator(source, noise)
        return out.clamp(-1, 1)

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once, with dropout from the batch's seeds while training.

        Raises:
            UsageError: E004 for windows on which the discriminator has no verdict, and as `check`.
        """
        self.check(batch.source, batch.available)
        self.check_judged(batch)
        return Outputs(self.generator(batch.source, batch.draw if self.training else None))

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms: those of the common objective, or the paper's with the weighted smooth L1."""
        terms = super().losses(player, batch, outputs)
        if player == "discriminator" or self.config.objective == "cgan":
            return terms
        del terms["l1"]
        apart = smooth_absolute(outputs.synthetic, batch.paired())
        return {**terms, "smooth_l1": self.config.pixel_weight * apart}


def _own(config: Config) -> OwnDiscriminator | None:
    channels = config.in_channels + config.target_channels
    if config.adversarial_weight == 0:
        return None
    return OwnDiscriminator(channels, config.width, config.discriminator_norm or "instance")


def build(config: Config) -> Tcgan:
    """Build the translator."""
    return Tcgan(config)
