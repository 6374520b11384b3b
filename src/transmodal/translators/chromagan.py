"""ChromaGAN: Vitoria, Raad and Ballester, ChromaGAN: Adversarial Picture Colorization with Semantic Class Distribution,
WACV 2020.

The grey source gives the lightness; a network of VGG-16's form adds chrominance, the a and b of CIELAB. What the whole
image shows, as one vector, is told to every place of the map. A Wasserstein critic of patches judges lightness and
chrominance.
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.losses.regression import squared
from transmodal.nets import weight_maps
from transmodal.nets.blocks import BatchNorm2d, TranslateWith, full_precision, translate_with
from transmodal.nets.lab import rgb_to_lab
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.nets.pretrained import PretrainedWeights
from transmodal.nets.sides import check_sides
from transmodal.translators._base import Translator, TranslatorConfig
from transmodal.translators._chroma import check_channels, coloured

VGG16 = ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8))
"""Channels of VGG-16's convolutions up to the fourth stage, by stage, in widths."""
LEAST_ALONE = 40
"""Shortest side of a window on which every map has more than one pixel, without which a window alone has no deviation."""


class Config(TranslatorConfig):
    """The paper's values.

    Attributes:
        global_features: whether one vector of the whole image joins every place.
        global_side: of the map that becomes this vector; 7 for 224 x 224. Other sides are averaged into it.
        chroma_weight: of the mean squared error of a and b.
        adversarial_weight: of the critic's verdict; 0 trains without critic.
        penalty_weight: of the critic's gradient penalty.
        backbone: file vgg16-397923af.pth, which the encoder starts from; None starts from scratch.
        translate_with: what batch normalisation takes while translating: training's `running` averages, as the
            published test does, or each window's own statistics.
    """

    target_channels: int = Field(3, ge=1)
    width: int = Field(64, ge=2, multiple_of=2)
    global_features: bool = True
    global_side: int = Field(7, ge=1)
    chroma_weight: float = Field(1.0, gt=0)
    adversarial_weight: float = Field(0.1, ge=0)
    penalty_weight: float = Field(10.0, ge=0)
    backbone: str | None = None
    translate_with: TranslateWith = "running"


class Outputs(NamedTuple):
    """One run of the generator, shared by all players.

    Attributes:
        synthetic: `(B, 3, H, W)`, red, green and blue in [0, 1].
        chroma: its a and b before what sRGB does not have is cut off, `(B, 2, H, W)` in [0, 1].
        shares: `(B, 1, 1, 1)` in [0, 1], of the target in the mixtures whose gradient is penalised.
    """

    synthetic: Tensor
    chroma: Tensor
    shares: Tensor


class ChromaGan(Translator[Outputs]):
    """A network of chrominance against a Wasserstein critic."""

    output_range = "unit"
    batch_coupled = True  # batch normalisation
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        check_channels(config, type(self).__name__)
        self.generator = ChromaNet(config)
        translate_with(self.generator, config.translate_with)
        self.critic: PatchDiscriminator | None = None
        if config.adversarial_weight > 0:
            self.critic = PatchDiscriminator(3, config.width, "none")
            # Verdicts are compared with each other alone: a constant would cancel and never learn.
            self.critic.layers[-1].register_parameter("bias", None)

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Colour `(B, 1, H, W)` in [-1, 1]: float32 `(B, 3, H, W)` in [0, 1]."""
        self.check(source, available)
        return _coloured(source, self.generator(source))

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse as the base does, and windows that are too small to be normalised by their own statistics.

        Raises:
            UsageError: E004.
        """
        super().check(source, available)
        if self.config.translate_with == "batch_statistics":
            check_sides(source, LEAST_ALONE, "normalisation of a window by its own statistics")

    def pretrained(self) -> Mapping[str, PretrainedWeights]:
        """Return VGG-16 trained on ImageNet, as the original starts."""
        weight_map = weight_maps.vgg16("encoder.")
        return {
            "backbone": PretrainedWeights(
                self.generator, self.config.backbone, weight_maps.VGG16, *weight_map
            )
        }

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return 8

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the generator, then the critic, as in the original."""
        if self.critic is None:
            return {"generator": self.generator}
        return {"generator": self.generator, "critic": self.critic}

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once, and draw the mixtures' shares.

        Raises:
            UsageError: E004 for windows on which there is no verdict or nothing to normalise, and as `check`.
        """
        self.check(batch.source, batch.available)
        least = 24 if len(batch.source) > 1 else LEAST_ALONE
        check_sides(batch.source, least, f"a batch of {len(batch.source)}")
        chroma = self.generator(batch.source)
        shares = [torch.rand(1, 1, 1, generator=generator) for generator in batch.generators()]
        return Outputs(_coloured(batch.source, chroma), chroma, torch.stack(shares).to(batch.source.device))

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's weighted terms: squared error and verdict, or the critic's with its penalty."""
        config, target_chroma = self.config, chroma_of(batch.paired())
        if player == "critic":
            return self._critic_terms(batch, outputs, target_chroma)
        terms = {"chroma": config.chroma_weight * squared(outputs.chroma, target_chroma)}
        if self.critic is not None:
            verdicts = self.critic(torch.cat([batch.source, outputs.chroma], dim=1))
            terms["adversarial"] = -config.adversarial_weight * verdicts.float().mean()
        return terms

    def _critic_terms(self, batch: Batch, outputs: Outputs, target_chroma: Tensor) -> dict[str, Tensor]:
        if self.critic is None:
            return {}
        source, synthetic_chroma = batch.source, outputs.chroma.detach()
        terms = {
            "real": -self.critic(torch.cat([source, target_chroma], dim=1)).float().mean(),
            "synthetic": self.critic(torch.cat([source, synthetic_chroma], dim=1)).float().mean(),
        }
        if self.config.penalty_weight > 0:
            mixture = outputs.shares * target_chroma + (1 - outputs.shares) * synthetic_chroma
            terms["penalty"] = self.config.penalty_weight * gradient_penalty(self.critic, source, mixture)
        return terms


class ChromaNet(nn.Module):
    """VGG-16 up to its fourth stage; a vector of the whole image and a map, joined; up to a and b."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        layers, before = list[nn.Module](), 3
        for stage, widths in enumerate(VGG16):
            layers += [nn.MaxPool2d(2)] if stage else []
            for many in widths:
                layers += [nn.Conv2d(before, many * width, 3, padding=1), nn.ReLU()]
                before = many * width
        self.encoder = nn.Sequential(*layers)
        self.middle = nn.Sequential(*_normed(before, 8 * width), *_normed(8 * width, 4 * width))
        self.whole = WholeImage(before, width, config.global_side) if config.global_features else None
        joined = 4 * width * (2 if config.global_features else 1)
        self.decoder = nn.Sequential(
            nn.Conv2d(joined, 4 * width, 1), nn.ReLU(),
            nn.Conv2d(4 * width, 2 * width, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width // 2, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Conv2d(width // 2, 2, 3, padding=1)
        for part in self.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(part.weight)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, 1, H, W)` to float32 a and b, `(B, 2, H, W)` in [0, 1]; sides are multiples of 8."""
        encoded = self.encoder(source.expand(-1, 3, -1, -1))
        x = self.middle(encoded)
        if self.whole is not None:
            vector = self.whole(encoded)[:, :, None, None]
            x = torch.cat([x, vector.expand(-1, -1, *x.shape[2:]).to(x)], dim=1)
        x = self.decoder(x)
        with full_precision(x):
            return F.interpolate(torch.sigmoid(self.head(x.float())), scale_factor=2)


class WholeImage(nn.Module):
    """Four convolutions, two of them with stride 2, then three linear layers."""

    def __init__(self, channels: int, width: int, side: int) -> None:
        super().__init__()
        wide = 8 * width
        self.convolutions = nn.Sequential(
            *_normed(channels, wide, 2), *_normed(wide, wide), *_normed(wide, wide, 2), *_normed(wide, wide)
        )
        self.pool = nn.AdaptiveAvgPool2d(side)
        self.layers = nn.Sequential(
            nn.Linear(wide * side**2, 16 * width), nn.Linear(16 * width, wide), nn.Linear(wide, 4 * width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, C, h, w)` to `(B, 4 * width)`."""
        out: Tensor = self.layers(self.pool(self.convolutions(x)).flatten(1))
        return out


def chroma_of(colour: Tensor) -> Tensor:
    """Return a and b of `(B, 3, H, W)` in [0, 1] as `(B, 2, H, W)` in [0, 1]: 128 is added, 255 divides."""
    return (rgb_to_lab(colour)[:, 1:] + 128) / 255


def gradient_penalty(critic: nn.Module, source: Tensor, mixture: Tensor) -> Tensor:
    """Return the mean of (1 - |gradient|)^2, of the sum of verdicts by the mixture; Gulrajani et al., 2017.

    Args:
        critic: on source and chrominance as channels of one tensor.
        source: `(B, 1, H, W)`.
        mixture: `(B, 2, H, W)`.
    """
    with full_precision(source):  # the critic as well: its gradient is what is squared
        mixture = mixture.detach().float().requires_grad_()
        verdicts = critic(torch.cat([source.float(), mixture], dim=1)).sum()
        (gradient,) = torch.autograd.grad(verdicts, mixture, create_graph=True)
        length = (gradient.square().sum(dim=(1, 2, 3)) + 1e-12).sqrt()
        return ((1 - length) ** 2).mean()


def _coloured(source: Tensor, chroma: Tensor) -> Tensor:
    return coloured(source, 255 * chroma - 128)


def _normed(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, 1), nn.ReLU(), BatchNorm2d(after)]


def build(config: Config) -> ChromaGan:
    """Build the translator."""
    return ChromaGan(config)
