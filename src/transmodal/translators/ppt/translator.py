"""Ppt: settings, networks, players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.losses.adversarial import discriminator_halves, verdict
from transmodal.losses.perceptual import perceptual_l1
from transmodal.nets.blocks import full_precision, norm2d, normal_init
from transmodal.nets.frozen import FrozenNet
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.nets.resnet import ResidualBlock
from transmodal.nets.sides import check_sides
from transmodal.nets.vgg import least_side, pretrained_vgg
from transmodal.translators._base import Translator
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    ConditionalGanConfig,
    patch_discriminator,
    stepping,
)
from transmodal.translators.ppt.contrastive import focal_nce, patch_distance, pyramid_distance

TAPS = 5
"""Maps that are compared: the source's, and four more along the encoder."""
CONTENT_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
"""Of VGG-19's relu1_1 to relu5_1."""


class Config(ConditionalGanConfig):
    """The published code's values.

    Attributes:
        downsamplings: halvings of the generator; 4 is the published one, 2 that of CycleGAN.
        blocks: residual blocks.
        objective: `paper`, or `cgan`: the conditional GAN with L1 that MRNet compared all generators under.
        contrast_weight: of each contrastive term; 0 has none.
        identity: whether the target, translated, is compared with itself in both directions.
        patches: places per map and sample.
        features: of a place.
        temperature: of the contrastive terms.
        focal_gamma: of the focal weight; 0 leaves plain InfoNCE times 0.25.
        pyramid_weight: of the mean absolute error over the levels of a Gaussian pyramid.
        levels: of that pyramid.
        alignment_weight: of the distance by 4 x 4 patches.
        content_weight: of VGG-19's features.
        vgg: file of VGG-19's weights, or `random`.
    """

    downsamplings: int = Field(4, ge=1, le=4)
    blocks: int = Field(9, ge=1)
    objective: Literal["paper", "cgan"] = "paper"
    contrast_weight: float = Field(1.0, ge=0)
    identity: bool = True
    patches: int = Field(256, ge=2)
    features: int = Field(256, ge=1)
    temperature: float = Field(0.07, gt=0)
    focal_gamma: float = Field(2.0, ge=0)
    pyramid_weight: float = Field(1.0, ge=0)
    levels: int = Field(6, ge=1)
    alignment_weight: float = Field(0.0025, ge=0)
    content_weight: float = Field(1.0, ge=0)
    vgg: str | None = None

    @property
    def contrasts(self) -> bool:
        """Whether there are contrastive terms."""
        return self.objective == "paper" and self.contrast_weight > 0


class Outputs(NamedTuple):
    """What all players judge.

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
        both = {"generator": self.generator, "discriminator": self.discriminator}
        return stepping(both, self.config.steps_first or "discriminator")

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
                look(as_source(one), outputs.places) for one in (batch.paired(), outputs.identity)
            )
            pairs["contrast_identity"] = (target, again)
            pairs["contrast_target"] = (again, target)
        terms = dict[str, Tensor]()
        for name, (keys, queries) in pairs.items():
            found = [
                focal_nce(query, key, config.temperature, gamma=config.focal_gamma)
                for query, key in zip(queries, keys, strict=True)
            ]
            terms[name] = config.contrast_weight * torch.stack(found).mean()
        return terms

    def _draw_places(self, batch: Batch) -> Tensor:
        areas = self.generator.areas(*batch.source.shape[2:])
        count = min(self.config.patches, *areas)
        drawn = [
            torch.stack([torch.randperm(area, generator=one)[:count] for area in areas])
            for one in batch.generators()
        ]
        return torch.stack(drawn).to(batch.source.device)


class ContrastiveGenerator(nn.Module):
    """ResNet with blurred halvings and smooth doublings, and a projection of each map that is compared."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, depth = config.width, config.downsamplings
        widths = [width * 2**n for n in range(depth + 1)]
        self.in_channels = config.in_channels
        self.pad = nn.ReflectionPad2d(3)
        self.stem = nn.Conv2d(config.in_channels, width, 7)
        self.norms = nn.ModuleList(norm2d("instance", one) for one in widths)
        self.down = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths)
        )
        self.blocks = nn.ModuleList(ResidualBlock(widths[-1], "instance") for _ in range(config.blocks))
        self.up = nn.ModuleList(_up(widths[n], widths[n - 1]) for n in range(depth, 0, -1))
        self.head = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, config.target_channels, 7))
        normal_init(self)
        # The published places 0, 4, 8, 12 and 16: input, halvings' convolutions, then every fourth block.
        self._tapped_blocks = tuple(4 * n for n in range(TAPS - 1 - depth) if 4 * n < config.blocks)
        tapped = [config.in_channels, *widths[1:], *(widths[-1] for _ in self._tapped_blocks)]
        self.projections = nn.ModuleList(
            Projection(one, config.features) for one in (tapped if config.contrasts else ())
        )

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to float32 `(B, T, H, W)` in [-1, 1]."""
        x = self._walk(source, len(self.blocks))[0]
        for up in self.up:
            x = up(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
        with full_precision(x):
            out: Tensor = torch.tanh(self.head(x.float()))
        return out

    def look(self, image: Tensor, places: Tensor) -> list[Tensor]:
        """Return each map's projected features at its places, `(B, P, F)` of length 1.

        Args:
            image: `(B, C, H, W)`, with the source's channels.
            places: `(B, maps, P)`, int64, on maps whose rows are joined.
        """
        last = self._tapped_blocks[-1] + 1 if self._tapped_blocks else 0
        maps = self._walk(image, last)[1]
        found = []
        for n, (projection, one) in enumerate(zip(self.projections, maps, strict=True)):
            index = places[:, n, None].expand(-1, one.shape[1], -1)
            found.append(projection(one.flatten(2).gather(2, index).transpose(1, 2)))
        return found

    def areas(self, height: int, width: int) -> list[int]:
        """Return the pixels of each map that is compared."""
        depth = len(self.down)
        scales = [2**n for n in range(depth)] + [2**depth for _ in self._tapped_blocks]
        return [(height + 6) * (width + 6), *((height // one) * (width // one) for one in scales)]

    def as_source(self, image: Tensor) -> Tensor:
        """Return an image with the source's channels; where there are others, each is the image's mean."""
        if image.shape[1] == self.in_channels:
            return image
        return image.mean(dim=1, keepdim=True).expand(-1, self.in_channels, -1, -1)

    def _walk(self, source: Tensor, blocks: int) -> tuple[Tensor, list[Tensor]]:
        """Return the innermost map behind so many blocks, and the maps that are compared."""
        padded = self.pad(source)
        x, maps = torch.relu(self.norms[0](self.stem(padded))), [padded]
        for conv, norm in zip(self.down, list(self.norms)[1:], strict=True):
            maps.append(conv(x))
            x = blurred_half(torch.relu(norm(maps[-1])))
        for n, block in enumerate(list(self.blocks)[:blocks]):
            x = block(x)
            if n in self._tapped_blocks:
                maps.append(x)
        return x, maps


class Projection(nn.Module):
    """Two linear layers, then length 1."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(channels, features), nn.ReLU(), nn.Linear(features, features))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, P, C)` to `(B, P, F)`."""
        return F.normalize(self.layers(x).float(), dim=2)


def blurred_half(x: Tensor) -> Tensor:
    """Return `(B, C, H / 2, W / 2)`: blurred by (1, 2, 1) / 4, mirrored at edges; Zhang, ICML 2019."""
    taps = x.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=x.shape[1])


def _up(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), norm2d("instance", after), nn.ReLU())


def build(config: Config) -> Ppt | ConditionalGan:
    """Build the translator; under `cgan` its generator alone is taken."""
    if config.objective == "paper":
        return Ppt(config)
    generator, discriminator = ContrastiveGenerator(config), patch_discriminator(config, "instance")
    multiple = 1 << config.downsamplings
    return ConditionalGan(config, generator, discriminator, multiple=multiple, least=2 * multiple)
