"""ResViT: Dalmaz, Yurt and Çukur, ResViT: Residual Vision Transformers for Multimodal Medical Image Synthesis,
IEEE TMI 2022.

A residual convolutional generator whose bottleneck holds aggregated residual transformer (ART) blocks: at two of
nine places a transformer, with weights that both share, adds its view of the whole map before the convolutions.
The convolutions are trained first, alone; then transformers join.
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.nets import weight_maps
from transmodal.nets.blocks import TranslateWith, normal_init, translate_with
from transmodal.nets.dimensions import SLICES
from transmodal.nets.pretrained import PretrainedWeights
from transmodal.nets.resnet import ResNetGenerator
from transmodal.nets.vit import MapTransformer, Positions
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    ConditionalGanConfig,
    Outputs,
    patch_discriminator,
)


class Config(ConditionalGanConfig):
    """The paper's values.

    Attributes:
        blocks: residual blocks of the bottleneck.
        transformer_blocks: which of them a transformer precedes, from 0.
        transformers: whether there are any; `false` leaves the convolutional generator, in one phase.
        shared: whether the transformers share their weights.
        depth: layers of a transformer.
        channels: of a token; the paper's ViT-B has 768.
        heads: of attention.
        side: of the token map on which positions are learnt; 16 for 256 x 256.
        backbone: file R50+ViT-B_16.npz, which the transformers start from; None starts from scratch.
        translate_with: what batch norm takes while translating: each window's own statistics, as the published test
            does, or training's `running` averages.
        fresh_discriminator: whether the second phase begins with a new discriminator, as in the published code, whose
            second phase is a run of its own that takes the generator alone from the first.
    """

    earlier: ClassVar[Mapping[str, object]] = {
        "translate_with": "running",
        "fresh_discriminator": False,
        "steps_first": "generator",
    }

    blocks: int = Field(9, ge=1)
    transformer_blocks: tuple[int, ...] = (0, 5)
    transformers: bool = True
    shared: bool = True
    depth: int = Field(12, ge=1)
    channels: int = Field(768, ge=1)
    heads: int = Field(12, ge=1)
    side: int = Field(16, ge=1)
    backbone: str | None = None
    translate_with: TranslateWith = "batch_statistics"
    fresh_discriminator: bool = True

    @model_validator(mode="after")
    def _places(self) -> Self:
        if len(set(self.transformer_blocks)) < len(self.transformer_blocks):
            raise ValueError("transformer_blocks names a block twice")
        if any(not 0 <= place < self.blocks for place in self.transformer_blocks):
            raise ValueError(f"transformer_blocks lie in 0 to {self.blocks - 1}")
        if self.channels % self.heads:
            raise ValueError(f"{self.channels} channels do not divide among {self.heads} heads")
        return self


class ResViT(ConditionalGan):
    """A conditional GAN in two phases: `cnn`, then `transformer`."""

    config: Config
    generator: ArtGenerator
    joined: Tensor

    def __init__(self, config: Config) -> None:
        multiple = 16 if config.transformers else 4  # tokens are 1/16 of the image
        # Innermost maps are the multiple-th part, and a window's own statistics need more than one pixel.
        least = 2 * multiple if config.translate_with == "batch_statistics" else 0
        generator, discriminator = ArtGenerator(config), patch_discriminator(config, "batch")
        super().__init__(
            config, generator, discriminator, multiple=multiple, least=least, steps_first="discriminator"
        )
        translate_with(generator, config.translate_with)
        self.phases = ("cnn", "transformer") if config.transformers else ("cnn",)
        # Which phase the weights are of travels with them: translating has to know.
        self.register_buffer("joined", torch.tensor(False))

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, H, W)` into `(B, T, H, W)` in [-1, 1], by what the last phase trained."""
        self.check(source, available)
        # On the meta device, where networks are measured, the paper's generator is the one of its last phase.
        joined = self.config.transformers if self.joined.is_meta else bool(self.joined)
        out: Tensor = self.generator(source, joined)
        return out

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the discriminator, and the generator or, in the first phase, its convolutions alone."""
        alone = {"generator": self.generator.convolutions} if phase == "cnn" else {}
        return {name: alone.get(name, module) for name, module in super().players(phase).items()}

    def begin(self, phase: str) -> None:
        """Draw the discriminator anew for the second phase, where the settings say so."""
        fresh = patch_discriminator(self.config, "batch")
        if self.config.fresh_discriminator and self.discriminator is not None and fresh is not None:
            self.discriminator.load_state_dict(fresh.state_dict())

    def pretrained(self) -> Mapping[str, PretrainedWeights]:
        """Return ViT-B/16 of R50-ViT-B/16, with its embedding and positions at every place, as the original starts.

        The first phase leaves the transformers as they are.
        """
        config = self.config
        if not config.transformers:
            return {}
        tensors = [
            tensor
            for place in config.transformer_blocks
            for tensor in weight_maps.vit_tokens(
                f"paths.{place}.embed.", f"paths.{place}.positions.", config.side
            )
        ]
        for n in range(len(self.generator.transformers)):
            tensors += weight_maps.vit_layers(f"transformers.{n}.", config.depth)
        ignored = (*weight_maps.VIT_HEAD, *weight_maps.VIT_RESNET)
        return {
            "backbone": PretrainedWeights(
                self.generator, config.backbone, weight_maps.R50_VIT, tensors, ignored
            )
        }

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once, with transformers from the second phase on.

        Raises:
            UsageError: E004 for windows on which the discriminator has no verdict, and as `check`.
        """
        self.check_judged(batch)
        self.joined.fill_(batch.phase == "transformer")
        return Outputs(self(batch.source, batch.available))


class ArtGenerator(nn.Module):
    """A residual generator with transformers before some of its blocks."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.convolutions = ResNetGenerator(
            config.in_channels, config.target_channels, config.width, config.blocks, "batch"
        )
        places = config.transformer_blocks if config.transformers else ()
        own = 1 if config.shared else len(places)
        self.transformers = nn.ModuleList(
            MapTransformer(config.channels, config.depth, config.heads) for _ in range(own if places else 0)
        )
        self.paths = nn.ModuleDict({str(place): ArtPath(config) for place in places})
        self._transformer_of = {place: 0 if config.shared else n for n, place in enumerate(places)}

    def forward(self, source: Tensor, joined: bool) -> Tensor:
        """Map `(B, C, H, W)` to float32 `(B, T, H, W)` in [-1, 1]; transformers only where they `joined`."""
        x = self.convolutions.encode(source)
        for place, block in enumerate(self.convolutions.blocks):
            if joined and str(place) in self.paths:
                x = self.paths[str(place)](x, self.transformers[self._transformer_of[place]])
            x = block(x)
        return self.convolutions.decode(x)


class ArtPath(nn.Module):
    """Down to tokens, through the transformer, up, beside the input, compressed to its channels."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = 4 * config.width
        self.down = nn.Sequential(*_strided(channels, 2 * channels), *_strided(2 * channels, 4 * channels))
        self.embed = nn.Conv2d(4 * channels, config.channels, 1)
        self.positions = Positions(config.channels, config.side)
        self.up = nn.Sequential(
            *_transposed(config.channels, 2 * channels), *_transposed(2 * channels, channels)
        )
        self.skip = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.skip_norm = SLICES.norm("batch", channels)
        self.compress = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False), SLICES.norm("batch", channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), SLICES.norm("batch", channels),
        )  # fmt: skip
        normal_init(self)

    def forward(self, x: Tensor, transformer: nn.Module) -> Tensor:
        """Keep the shape `(B, C, h, w)`; sides are multiples of 4."""
        context = self.up(transformer(self.positions(self.embed(self.down(x)))))
        joined = torch.cat([context, x], dim=1)
        out: Tensor = torch.relu(self.skip_norm(self.skip(joined)) + self.compress(joined))
        return out


def _strided(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, 2, 1, bias=False), SLICES.norm("batch", after), nn.ReLU()]


def _transposed(before: int, after: int) -> list[nn.Module]:
    conv = nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1, bias=False)
    return [conv, SLICES.norm("batch", after), nn.ReLU()]


def build(config: Config) -> ResViT:
    """Build the translator."""
    return ResViT(config)
