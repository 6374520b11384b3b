"""Colouring a grey source: its lightness stays, and a network adds chrominance, the a and b of CIELAB.

DDColor (Kang et al., ICCV 2023) and ColorFormer (Ji et al., ECCV 2022) train such a network by the distance of a and
b, by what VGG-19 perceives and against a discriminator of colour images; what else either has it adds itself.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.losses.logistic import logistic
from transmodal.losses.perceptual import perceptual_l1
from transmodal.nets.blocks import TranslateWith, translate_with
from transmodal.nets.frozen import FrozenNet
from transmodal.nets.lab import lab_to_rgb, rgb_to_lab
from transmodal.nets.sides import check_sides
from transmodal.nets.spectral import Iteration, SpectralDiscriminator, iterate, remember
from transmodal.nets.vgg import least_side, pretrained_vgg
from transmodal.translators._base import Translator, TranslatorConfig

PERCEPTUAL = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Weights of the five stages of VGG."""
VERDICTS = 3
"""Passes of a step through the discriminator: for the generator, on the target, on the synthetic image."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ChromaConfig(TranslatorConfig):
    """The values that DDColor and ColorFormer share.

    Attributes:
        chroma_weight: of the mean absolute error of a and b, in units of CIELAB.
        perceptual_weight: of VGG-19's features.
        vgg: file of VGG-19's weights, or `random`.
        adversarial_weight: of the verdict; 0 trains without discriminator.
        discriminator_width: channels of the discriminator's first layer.
        discriminator_blocks: of the discriminator.
        translate_with: what batch normalisation takes while translating: training's `running` averages, as the
            published tests do, or each window's own statistics.
        spectral: whether spectral normalisation carries its power iteration on from step to step, as the published
            code, or begins it anew at each pass (`restarted`).
    """

    target_channels: int = Field(3, ge=1)
    chroma_weight: float = Field(0.1, gt=0)
    perceptual_weight: float = Field(5.0, ge=0)
    vgg: str | None = None
    adversarial_weight: float = Field(1.0, ge=0)
    discriminator_width: int = Field(64, ge=1)
    discriminator_blocks: int = Field(3, ge=1, le=5)
    translate_with: TranslateWith = "running"
    spectral: Iteration = "carried"


class Outputs(NamedTuple):
    """One run of the generator, shared by all players.

    Attributes:
        synthetic: `(B, 3, H, W)`, red, green and blue in [0, 1].
        chroma: its a and b, `(B, 2, H, W)`, in units of CIELAB, before what sRGB does not have is cut off.
    """

    synthetic: Tensor
    chroma: Tensor


class Chroma(Translator[Outputs]):
    """A network of chrominance against a discriminator of colour images.

    Args:
        config: of the translator.
        generator: from `(B, 1, H, W)` to float32 `(B, 2, H, W)`, in units of CIELAB.
    """

    output_range = "unit"
    batch_coupled = True  # batch normalisation
    config: ChromaConfig

    def __init__(self, config: ChromaConfig, generator: nn.Module) -> None:
        super().__init__(config)
        check_channels(config, type(self).__name__)
        self.generator = generator
        translate_with(generator, config.translate_with)
        self.discriminator: SpectralDiscriminator | None = None
        if config.adversarial_weight > 0:
            self.discriminator = SpectralDiscriminator(
                3, config.discriminator_width, config.discriminator_blocks
            )
        self._vgg: FrozenNet | None = None
        if config.perceptual_weight > 0:
            otherwise = (
                "set settings.vgg to its path, or settings.perceptual_weight=0 or settings.vgg=random."
            )
            self._vgg = pretrained_vgg(config.vgg, "torchvision", "relu", otherwise)
        if config.spectral == "carried":
            remember(self)

    @abstractmethod
    def least_normed(self, samples: int) -> int:
        """Return the shortest side on which every map of that many samples can be normalised."""

    def enhance(self, target: Tensor) -> Tensor:
        """Return the target as the perceptual and adversarial terms compare with it."""
        return target

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Colour `(B, 1, H, W)` in [-1, 1]: float32 `(B, 3, H, W)` in [0, 1]."""
        self.check(source, available)
        return coloured(source, self.generator(source))

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse as the base does, and windows that are too small to be normalised by their own statistics.

        Raises:
            UsageError: E004.
        """
        super().check(source, available)
        if self.config.translate_with == "batch_statistics":
            check_sides(source, self.least_normed(1), "normalisation of a window by its own statistics")

    def frozen(self) -> Mapping[str, FrozenNet]:
        """Return VGG-19 where the perceptual term is on."""
        return {} if self._vgg is None else {"vgg": self._vgg}

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the generator, then the discriminator, as in both originals."""
        if self.discriminator is None:
            return {"generator": self.generator}
        return {"generator": self.generator, "discriminator": self.discriminator}

    def synthesise(self, batch: Batch) -> Outputs:
        """Carry power iterations on while training, and run the generator once.

        Raises:
            UsageError: E004 for windows on which there is no verdict or nothing to normalise, and as `check`.
        """
        self.check(batch.source, batch.available)
        samples = len(batch.source)
        check_sides(batch.source, self.least_normed(samples), f"normalisation in a batch of {samples}")
        if self.discriminator is not None:
            least, fewer = self.discriminator.least_side, "fewer settings.discriminator_blocks"
            check_sides(batch.source, least, "the discriminator", fewer)
        if self._vgg is not None:
            check_sides(batch.source, least_side("torchvision"), "VGG-19")
        if self.training:
            iterate(self.generator, 1)
            if self.discriminator is not None:
                iterate(self.discriminator, VERDICTS)
        chroma = self.generator(batch.source)
        return Outputs(coloured(batch.source, chroma), chroma)

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's weighted terms: chrominance, perception and verdict; or the discriminator's two."""
        config, target = self.config, batch.paired()
        reference = self.enhance(target)
        if player == "discriminator":
            return self._discriminator_terms(outputs.synthetic.detach(), reference)
        apart = F.l1_loss(outputs.chroma, rgb_to_lab(target)[:, 1:])
        terms = {"chroma": config.chroma_weight * apart}
        if self._vgg is not None:
            perceived = perceptual_l1(self._vgg, outputs.synthetic, reference, PERCEPTUAL)
            terms["perceptual"] = config.perceptual_weight * perceived
        if self.discriminator is not None:
            verdicts = self.discriminator(outputs.synthetic)
            terms["adversarial"] = config.adversarial_weight * logistic(verdicts, real=True)
        return terms

    def _discriminator_terms(self, synthetic: Tensor, target: Tensor) -> dict[str, Tensor]:
        if self.discriminator is None:
            return {}
        return {
            "real": logistic(self.discriminator(target), real=True),
            "synthetic": logistic(self.discriminator(synthetic), real=False),
        }


class GreyPicture(nn.Module):
    """The grey source as a picture that networks trained on photographs know."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, 1, H, W)` in [-1, 1] to float32 `(B, 3, H, W)` with ImageNet's mean and deviation."""
        colourless = source.new_zeros(1).expand(len(source), 2, *source.shape[2:])
        return (coloured(source, colourless) - self.mean) / self.deviation


def coloured(source: Tensor, chroma: Tensor) -> Tensor:
    """Return float32 `(B, 3, H, W)` in [0, 1].

    Args:
        source: `(B, 1, H, W)` in [-1, 1], which gives the lightness.
        chroma: a and b, `(B, 2, H, W)`, in units of CIELAB.
    """
    return lab_to_rgb(torch.cat([50 * (source.float() + 1), chroma.float()], dim=1))


def check_channels(config: TranslatorConfig, name: str) -> None:
    """Refuse what is not one grey source in slices and a target in colour.

    Raises:
        UsageError: E004.
    """
    if (config.source_channels, config.slab_depth, config.target_channels) != ((1,), 1, 3):
        raise UsageError(
            "E004",
            f"{name} from {list(config.source_channels)} source channels in slabs of {config.slab_depth} "
            f"to {config.target_channels} channels",
            "one grey source in slices, and a target in colour (3 channels)",
            "Set task.source, task.target and windows.kind accordingly.",
        )
