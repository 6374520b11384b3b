"""Colorization: players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.losses.adversarial import least_squares, least_squares_discriminator
from transmodal.losses.regression import cross_entropy
from transmodal.nets.sides import check_sides
from transmodal.translators._base import Translator
from transmodal.translators.colorization.config import Config
from transmodal.translators.colorization.discriminator import SmallDiscriminator
from transmodal.translators.colorization.fusion import DualGenerator, FusionSpec, Generator
from transmodal.translators.colorization.label_unet import LabelUNet
from transmodal.translators.colorization.structure import grey, windowed_ssim


class Outputs(NamedTuple):
    """One run of the generators, shared by all players; None where no term needs an image.

    Attributes:
        synthetic: c^, `(B, 3, H, W)` in [0, 1].
        organs: c', the same.
        mr: synthetic MR of c, `(B, 1, H, W)` in [0, 1].
        mr_again: m after the way to colour and back.
        colour_again: c after the way to MR and back.
        logits: `(B, classes, H, W)`: labels seen in c', and in phase `segmenter` in c.
    """

    synthetic: Tensor
    organs: Tensor | None = None
    mr: Tensor | None = None
    mr_again: Tensor | None = None
    colour_again: Tensor | None = None
    logits: Tensor | None = None


class Colorization(Translator[Outputs]):
    """Two generators against two discriminators, watched by a label U-Net."""

    output_range = "unit"
    phases: tuple[str, ...] = ("segmenter", "translate")
    preparatory: frozenset[str] = frozenset({"segmenter"})
    needs: frozenset[str] = frozenset({"target", "segmentation"})
    batch_coupled: bool = True  # the label U-Net's batch normalisation
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        _check_config(config)
        self.generators = Generators(config)
        self.discriminators = Discriminators(config) if config.adversarial_weight > 0 else None
        self.segmenter: LabelUNet | None = None
        if config.segmentation_weight > 0:
            self.segmenter = LabelUNet(config.target_channels, config.classes, config.segmenter_width)
        else:
            self.phases, self.preparatory = ("translate",), frozenset()
            self.needs, self.batch_coupled = frozenset({"target"}), False

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Colour `(B, 1, H, W)` in [-1, 1]: float32 `(B, 3, H, W)` in [0, 1]."""
        self.check(source, available)
        out: Tensor = self.generators.to_colour(_unit(source))
        return out

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse as the base does, and windows of 4 x 4, which leave no more than one pixel to normalise.

        Raises:
            UsageError: E004.
        """
        super().check(source, available)
        if source.shape[2] * source.shape[3] <= self.size_multiple() ** 2:
            check_sides(source, 2 * self.size_multiple(), "instance normalisation")

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return 4

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the label U-Net in its own phase; else the generators, then the discriminators, as in CycleGAN."""
        if phase == "segmenter" and self.segmenter is not None:
            return {"segmenter": self.segmenter}
        if self.discriminators is None:
            return {"generator": self.generators}
        return {"generator": self.generators, "discriminator": self.discriminators}

    def synthesise(self, batch: Batch) -> Outputs:
        """Run both generators once, and the label U-Net; it learns in its own phase alone.

        Raises:
            UsageError: E004 for windows that are too small to judge, labels beyond `classes`, and as `check`.
            InputError: E131 for a batch without target or, where the U-Net asks for it, segmentation.
        """
        self.check(batch.source, batch.available)
        colour = batch.paired()
        if self.discriminators is not None:
            check_sides(batch.source, SmallDiscriminator.least_side, "the discriminators")
        if self.segmenter is not None:
            check_sides(batch.source, LabelUNet.least_side, "the label U-Net")
            _check_labels(_labels(batch), self.config.classes)
            if batch.phase == "segmenter":
                return Outputs(torch.zeros_like(colour), logits=self.segmenter(colour))
        return self._translated(_unit(batch.source), colour)

    def _translated(self, mr: Tensor, colour: Tensor) -> Outputs:
        config, to_mr = self.config, self.generators.to_mr
        synthetic, organs = self.generators.coloured(mr)
        outputs = Outputs(synthetic, organs)
        if self.segmenter is not None and organs is not None:
            outputs = outputs._replace(logits=self.segmenter.settled(organs))
        if to_mr is not None:
            outputs = outputs._replace(mr=to_mr(colour))
            if config.cycle_weight > 0:
                there_and_back = self.generators.to_colour(outputs.mr)
                outputs = outputs._replace(mr_again=to_mr(synthetic), colour_again=there_and_back)
        return outputs

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms; a term whose weight is 0 is left out."""
        if player == "segmenter":
            return {"segmentation": _cross_entropy(outputs, batch)}
        if player == "discriminator":
            return self._discriminator_terms(batch, outputs)
        terms = {**self._cycle_terms(batch, outputs), **self._colour_terms(batch, outputs)}
        if self.discriminators is not None and outputs.mr is not None:
            for name, judge, image in (
                ("colour", self.discriminators.colour, outputs.synthetic),
                ("mr", self.discriminators.mr, outputs.mr),
            ):
                verdict = least_squares(judge(image), real=True)
                terms[f"adversarial_{name}"] = self.config.adversarial_weight * verdict
        return terms

    def _discriminator_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        if self.discriminators is None or outputs.mr is None:
            return {}
        terms = {}
        for name, judge, real, synthetic in (
            ("colour", self.discriminators.colour, batch.paired(), outputs.synthetic),
            ("mr", self.discriminators.mr, _unit(batch.source), outputs.mr),
        ):
            verdicts = least_squares_discriminator(judge(real), judge(synthetic.detach()))
            terms.update({f"{name}_{term}": value for term, value in verdicts.items()})
        return terms

    def _cycle_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        terms, config, colour = dict[str, Tensor](), self.config, batch.paired()
        if outputs.mr_again is not None and outputs.colour_again is not None:
            mr = _unit(batch.source)
            terms["cycle_mr"] = config.cycle_weight * F.l1_loss(outputs.mr_again, mr.float())
            terms["cycle_colour"] = config.cycle_weight * F.l1_loss(outputs.colour_again, colour.float())
        if outputs.mr is not None and config.mr_structure_weight > 0:
            terms["mr_structure"] = config.mr_structure_weight * windowed_ssim(outputs.mr, grey(colour))
        return terms

    def _colour_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        terms, config = dict[str, Tensor](), self.config
        if config.structure_weight > 0:
            alike = windowed_ssim(grey(outputs.synthetic), _unit(batch.source))
            terms["structure"] = config.structure_weight * alike
        if config.segmentation_weight > 0:
            terms["segmentation"] = config.segmentation_weight * _cross_entropy(outputs, batch)
        if config.organ_weight > 0 and outputs.organs is not None:
            terms["organs"] = config.organ_weight * windowed_ssim(outputs.organs, batch.paired())
        return terms


class Generators(nn.Module):
    """The way to colour, and the way back where a term needs it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        spec = FusionSpec(
            config.width,
            config.blocks,
            config.multiscale,
            config.squeeze,
            config.se_residual == "conv",
            config.squeeze_reduction,
            config.squeeze_least,
        )
        before, after = config.in_channels, config.target_channels
        self.to_colour: Generator | DualGenerator
        self._shared = config.teaches_organs and config.decoder_link == "shared"
        if config.teaches_organs and not self._shared:
            linked = config.decoder_link == "se_skip"
            self.to_colour = DualGenerator(before, after, spec, linked=linked)
        else:
            self.to_colour = Generator(before, after, spec)
        self.to_mr = Generator(after, before, spec) if config.returns else None

    def coloured(self, mr: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return c^ and c' of `(B, 1, H, W)`, each `(B, 3, H, W)`; one image twice where decoders are shared."""
        if isinstance(self.to_colour, DualGenerator):
            return self.to_colour.colour_and_organs(mr)
        synthetic: Tensor = self.to_colour(mr)
        return synthetic, synthetic if self._shared else None


class Discriminators(nn.Module):
    """One for colour, one for MR."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, pooled = config.discriminator_width, config.discriminator_pool == "scalar"
        self.colour = SmallDiscriminator(config.target_channels, width, pooled=pooled)
        self.mr = SmallDiscriminator(config.in_channels, width, pooled=pooled)


def _unit(source: Tensor) -> Tensor:
    return (source + 1) / 2


def _cross_entropy(outputs: Outputs, batch: Batch) -> Tensor:
    if outputs.logits is None:
        raise ValueError("the outputs carry no logits")
    return cross_entropy(outputs.logits, _labels(batch))


def _labels(batch: Batch) -> Tensor:
    if batch.segmentation is None:
        raise InputError(
            "E131",
            "a batch without segmentation",
            "the cryosection's labels",
            "Check the cohort, or set settings.segmentation_weight=0.",
        )
    return batch.segmentation


def _check_config(config: Config) -> None:
    channels = (config.source_channels, config.slab_depth, config.target_channels)
    if channels != ((1,), 1, 3):
        raise UsageError(
            "E004",
            f"Colorization from {list(config.source_channels)} source channels in slabs of {config.slab_depth} "
            f"to {config.target_channels} channels",
            "one grey source in slices, and a target in colour (3 channels)",
            "Set task.source, task.target and windows.kind accordingly.",
        )
    if not config.teaches_colour:
        raise UsageError(
            "E004",
            "Colorization with no term on its coloured image",
            "adversarial_weight, cycle_weight or structure_weight above 0",
            "Set one of them, or settings.decoder_link=shared.",
        )


def _check_labels(labels: Tensor, classes: int) -> None:
    if labels.is_meta:
        return
    low, high = (int(bound) for bound in torch.aminmax(labels))
    if low < 0 or high >= classes:
        raise UsageError(
            "E004",
            f"label {low if low < 0 else high} in a segmentation, with {classes} classes declared",
            f"labels from 0 to {classes - 1}",
            "Renumber the labels from 0." if low < 0 else f"Set settings.classes to {high + 1} or more.",
        )


def build(config: Config) -> Colorization:
    """Build the translator."""
    return Colorization(config)
