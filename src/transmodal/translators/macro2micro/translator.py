"""Macro2Micro: players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.losses.logistic import logistic
from transmodal.losses.perceptual import perceptual_loss
from transmodal.nets.frozen import FrozenNet
from transmodal.nets.sides import check_sides
from transmodal.nets.vgg import least_side, pretrained_vgg
from transmodal.translators._base import Translator
from transmodal.translators.macro2micro.config import Config
from transmodal.translators.macro2micro.crops import brain_box, cut, draw_crops
from transmodal.translators.macro2micro.discriminators import CooccurrenceDiscriminator, ResidualDiscriminator
from transmodal.translators.macro2micro.frequency import frequency_loss
from transmodal.translators.macro2micro.generator import OctaveGenerator


class Outputs(NamedTuple):
    """One run of the generator, shared by all players.

    Attributes:
        synthetic: `(B, T, *S)` in [-1, 1].
        low: the same image of the low path alone; None without octave convolutions.
        high: that of the high path alone; None without octave convolutions.
        crops: `(B, 3, K, 4)`, or `(B, 3, K, 6)` in three dimensions, where K reference, target and synthetic patches are cut; None where none are.
    """

    synthetic: Tensor
    low: Tensor | None
    high: Tensor | None
    crops: Tensor | None


class Macro2Micro(Translator[Outputs]):
    """An octave generator against a discriminator of images and one of patches."""

    supported_dims = (2, 3)
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.output_range = "signed" if config.output == "tanh" else "free"
        # The box in which patches are cut is the batch's.
        self.batch_coupled = config.patch_weight > 0 and config.brain_focused
        self.wants = frozenset({"mask"}) if self.batch_coupled else frozenset()
        self.generator = OctaveGenerator(config)
        if config.adversarial_weight > 0:
            self.discriminator = ResidualDiscriminator(
                config.target_channels,
                config.discriminator_width,
                config.discriminator_levels,
                dims=config.spatial_dims,
            )
        if config.patch_weight > 0:
            self.patch_discriminator = CooccurrenceDiscriminator(
                config.target_channels,
                config.patch_discriminator_width,
                config.patch_discriminator_levels,
                dims=config.spatial_dims,
            )
        self._vgg: FrozenNet | None = None
        if config.perceptual_weight > 0:
            otherwise = (
                "set settings.vgg to its path, or settings.perceptual_weight=0 or settings.vgg=random."
            )
            self._vgg = pretrained_vgg(config.vgg, config.vgg_layout, config.vgg_taps, otherwise)

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, *S)` into `(B, T, *S)`, in [-1, 1] with the default output."""
        self.check(source, available)
        out: Tensor = self.generator(source)[0]
        return out

    def frozen(self) -> Mapping[str, FrozenNet]:
        """Return VGG-19 where the perceptual loss is on."""
        return {} if self._vgg is None else {"vgg": self._vgg}

    def size_multiple(self) -> int:
        """Return 8: the low path's innermost maps have an eighth of the sides."""
        return 8

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse sources that do not fit, and sides of 8, whose innermost maps cannot be reflected.

        Raises:
            UsageError: E004, as the base class.
        """
        super().check(source, available)
        check_sides(source, 16, "the octave generator")

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the discriminators that are there, then the generator."""
        names = ("discriminator", "patch_discriminator", "generator")
        children = dict(self.named_children())
        return {name: children[name] for name in names if name in children}

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once, and draw where patches are cut.

        Raises:
            UsageError: E004 for windows on which a loss cannot be computed, and as `check`.
        """
        self.check(batch.source, batch.available)
        self._check_losses(batch.source)
        synthetic, low, high = self.generator(batch.source)
        crops = None
        if self.config.patch_weight > 0:
            box = brain_box(batch, self.config.brain_threshold) if self.config.brain_focused else None
            crops = draw_crops(batch, box, self.config.crops, self.config.crop_scales)
        return Outputs(synthetic, low, high, crops)

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms. D: real + synthetic / 2; patches: real + synthetic; G: all weighted."""
        target = batch.paired()
        if player == "discriminator":
            return {
                "real": logistic(self.discriminator(target), real=True),
                "synthetic": 0.5 * logistic(self.discriminator(outputs.synthetic.detach()), real=False),
            }
        if player == "patch_discriminator":
            return self._judge_patches(target, outputs)
        return self._generator_terms(target, outputs)

    def _generator_terms(self, target: Tensor, outputs: Outputs) -> dict[str, Tensor]:
        config, synthetic = self.config, outputs.synthetic
        terms = {"l1": config.l1_weight * F.l1_loss(synthetic.float(), target.float())}
        if config.frequency_weight > 0 and outputs.low is not None and outputs.high is not None:
            terms["frequency"] = config.frequency_weight * frequency_loss(outputs.low, outputs.high, target)
        if self._vgg is not None:
            pairs = zip(*(planes(self._for_vgg(image)) for image in (synthetic, target)), strict=True)
            terms_by_axis = [perceptual_loss(self._vgg, *pair) for pair in pairs]
            terms["perceptual"] = config.perceptual_weight * torch.stack(terms_by_axis).mean()
        if config.adversarial_weight > 0:
            verdicts = self.discriminator(synthetic)
            terms["adversarial"] = config.adversarial_weight * logistic(verdicts, real=True)
        if config.patch_weight > 0:
            with torch.no_grad():
                reference = self._features(target, outputs, 0)
            verdicts = self.patch_discriminator.compare(reference, self._features(synthetic, outputs, 2))
            terms["patch"] = config.patch_weight * logistic(verdicts, real=True)
        return terms

    def _judge_patches(self, target: Tensor, outputs: Outputs) -> dict[str, Tensor]:
        """Compare patches of the target with others of it, and with patches of the synthetic image."""
        judge = self.patch_discriminator
        reference = self._features(target, outputs, 0)
        real = judge.compare(reference, self._features(target, outputs, 1))
        synthetic = judge.compare(reference, self._features(outputs.synthetic.detach(), outputs, 2))
        return {"real": logistic(real, real=True), "synthetic": logistic(synthetic, real=False)}

    def _for_vgg(self, image: Tensor) -> Tensor:
        """Return an image of [-1, 1] as VGG-19 gets it: unchanged in AdaIN's layout, as in the early code."""
        return image if self.config.vgg_layout == "adain" else (image + 1) / 2

    def _features(self, image: Tensor, outputs: Outputs, group: int) -> Tensor:
        if outputs.crops is None:
            raise ValueError("these outputs were synthesised without patches")
        patches = cut(image, outputs.crops[:, group], self._patch_size(image))
        return self.patch_discriminator.features(patches)

    def _patch_size(self, image: Tensor) -> int:
        return self.config.patch_size or min(image.shape[2:]) // 2

    def _check_losses(self, source: Tensor) -> None:
        config = self.config
        if config.adversarial_weight > 0:
            least, fewer = self.discriminator.least_side, "fewer settings.discriminator_levels"
            check_sides(source, least, "the discriminator", fewer)
        if config.perceptual_weight > 0:
            check_sides(source, least_side(config.vgg_layout), "VGG-19")
        if config.patch_weight > 0 and self._patch_size(source) < self.patch_discriminator.least_side:
            raise UsageError(
                "E004",
                f"patches of side {self._patch_size(source)} for {config.patch_discriminator_levels} levels of the "
                "patch discriminator",
                f"a side of {self.patch_discriminator.least_side} or more",
                "Set a larger settings.patch_size, or fewer settings.patch_discriminator_levels.",
            )


def planes(images: Tensor) -> list[Tensor]:
    """Return what a network of slices sees: slices `(B, T, H, W)` as they are, and patches cut along each axis.

    VGG-19 has two dimensions. Of patches `(B, T, D, H, W)` it is given all slices of each of the three axes:
    `(B * D, T, H, W)`, `(B * H, T, D, W)` and `(B * W, T, D, H)`.
    """
    if images.ndim == 4:
        return [images]
    return [images.movedim(axis, 1).flatten(0, 1) for axis in (2, 3, 4)]


def build(config: Config) -> Macro2Micro:
    """Build the translator."""
    return Macro2Micro(config)
