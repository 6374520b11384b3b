"""ColorFormer: Ji et al., ColorFormer: Image Colorization via Color Memory assisted Hybrid-attention Transformer,
ECCV 2022.

The grey source gives the lightness; a network adds chrominance, the a and b of CIELAB. The encoder attends within
windows of a map, every second time to the whole map's means as well. On the way up every place asks a memory what
colours belong to what it shows: each entry is a meaning with several colours, among which the whole image chooses.
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.losses.logistic import logistic
from transmodal.losses.perceptual import perceptual_l1
from transmodal.nets.blocks import full_precision
from transmodal.nets.colour_memory import ColourMemory
from transmodal.nets.frozen import FrozenNet
from transmodal.nets.lab import lab_to_rgb, rgb_to_lab
from transmodal.nets.shuffle import Enlarge, Up
from transmodal.nets.spectral import SpectralDiscriminator, spectral
from transmodal.nets.swin import Block, Merge
from transmodal.nets.vgg import least_side, pretrained_vgg
from transmodal.translators._base import Translator, TranslatorConfig

PERCEPTUAL = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Weights of the five stages of VGG."""
PATCH = 4
"""Side of the patch that is a token, and what the decoder enlarges by at its end."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Config(TranslatorConfig):
    """The published code's values.

    Attributes:
        width: channels of a token at 1/4 of the sides; doubled at each stage.
        depths: blocks of each stage of the encoder.
        heads: of attention, in each stage.
        window: side of the attention's windows, in tokens.
        pooled: side of the map's mean that every second block sees besides, in each stage; 0 leaves it out.
        features: channels of the decoder's maps; its last ones have half of them.
        entries: of the colour memory; 0 leaves the memory out.
        palettes: colours of each entry.
        meaning: numbers that tell an entry's meaning.
        query: length of the vectors that places and meanings are compared by.
        colour: length of the vector that a colour becomes.
        chroma_weight: of the mean absolute error of a and b, in units of CIELAB.
        perceptual_weight: of VGG-19's features.
        vgg: file of VGG-19's weights, or `random`.
        adversarial_weight: of the verdict; 0 trains without discriminator.
        discriminator_width: channels of the discriminator's first layer.
        discriminator_blocks: of the discriminator.
    """

    target_channels: int = Field(3, ge=1)
    width: int = Field(96, ge=1)
    depths: tuple[int, ...] = Field((2, 2, 6, 2), min_length=2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = Field(7, ge=2)
    pooled: tuple[int, ...] = (8, 4, 2, 1)
    features: int = Field(512, ge=2, multiple_of=2)
    entries: int = Field(512, ge=0)
    palettes: int = Field(4, ge=1)
    meaning: int = Field(64, ge=1)
    query: int = Field(512, ge=1)
    colour: int = Field(256, ge=1)
    chroma_weight: float = Field(0.1, gt=0)
    perceptual_weight: float = Field(5.0, ge=0)
    vgg: str | None = None
    adversarial_weight: float = Field(1.0, ge=0)
    discriminator_width: int = Field(64, ge=1)
    discriminator_blocks: int = Field(3, ge=1, le=5)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not len(self.depths) == len(self.heads) == len(self.pooled):
            raise ValueError(f"{len(self.depths)} depths, {len(self.heads)} heads, {len(self.pooled)} pooled")
        if min(*self.depths, *self.heads) < 1 or min(self.pooled) < 0:
            raise ValueError("depths and heads are 1 or more, pooled is 0 or more")
        for channels, heads in zip(self.widths, self.heads, strict=True):
            if channels % heads:
                raise ValueError(f"{channels} channels do not divide among {heads} heads")
        return self

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the encoder's maps, the finest first."""
        return tuple(self.width * 2**n for n in range(len(self.depths)))


class Outputs(NamedTuple):
    """What all players judge.

    Attributes:
        synthetic: `(B, 3, H, W)`, red, green and blue in [0, 1].
        chroma: its a and b, `(B, 2, H, W)`, in units of CIELAB, before what sRGB does not have is cut off.
    """

    synthetic: Tensor
    chroma: Tensor


class ColorFormer(Translator[Outputs]):
    """A network of chrominance against a discriminator of colour images."""

    output_range = "unit"
    batch_coupled = True  # batch normalisation
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        channels = (config.source_channels, config.slab_depth, config.target_channels)
        if channels != ((1,), 1, 3):
            raise UsageError(
                "E004",
                f"ColorFormer from {list(config.source_channels)} source channels in slabs of "
                f"{config.slab_depth} to {config.target_channels} channels",
                "one grey source in slices, and a target in colour (3 channels)",
                "Set task.source, task.target and windows.kind accordingly.",
            )
        self.generator = ChromaNet(config)
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

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Colour `(B, 1, H, W)` in [-1, 1]: float32 `(B, 3, H, W)` in [0, 1]."""
        self.check(source, available)
        return _coloured(source, self.generator(source))

    def frozen(self) -> Mapping[str, FrozenNet]:
        """Return VGG-19 where the perceptual term is on."""
        return {} if self._vgg is None else {"vgg": self._vgg}

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of: the lowest stage's tokens."""
        return PATCH << (len(self.config.depths) - 1)

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the generator, then the discriminator, as in the original."""
        if self.discriminator is None:
            return {"generator": self.generator}
        return {"generator": self.generator, "discriminator": self.discriminator}

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once.

        Raises:
            UsageError: E004 for windows on which there is no verdict or nothing to normalise, and as `check`.
        """
        self.check(batch.source, batch.available)
        least = self.size_multiple() * (1 if len(batch.source) > 1 else 2)
        if self.discriminator is not None:
            least = max(least, self.discriminator.least_side)
        if self._vgg is not None:
            least = max(least, least_side("torchvision"))
        if min(batch.source.shape[2:]) < least:
            raise UsageError(
                "E004",
                f"windows of {tuple(batch.source.shape[2:])} in a batch of {len(batch.source)}",
                f"sides of {least} or more",
                "Set a larger windows.size, or fewer settings.discriminator_blocks.",
            )
        chroma = self.generator(batch.source)
        return Outputs(_coloured(batch.source, chroma), chroma)

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's weighted terms: chrominance, perception and verdict; or the discriminator's two."""
        config, target = self.config, batch.target
        if target is None:
            raise InputError(
                "E131", "a batch without target", "pairs of grey and colour", "Check the cohort."
            )
        if player == "discriminator":
            return self._discriminator_terms(outputs.synthetic.detach(), target)
        apart = F.l1_loss(outputs.chroma, rgb_to_lab(target)[:, 1:])
        terms = {"chroma": config.chroma_weight * apart}
        if self._vgg is not None:
            perceived = perceptual_l1(self._vgg, outputs.synthetic, target, PERCEPTUAL)
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


class ChromaNet(nn.Module):
    """Encoder, decoder with the memory at 1/4 of the sides, and two convolutions of its map and the image."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        half = config.features // 2
        self.encoder = Encoder(config)
        deep, *skips = reversed(config.widths)
        afters = [*(config.features for _ in skips[1:]), half]
        befores = [deep, *afters[:-1]]
        self.up = nn.ModuleList(Up(*sizes) for sizes in zip(befores, skips, afters, strict=True))
        self.memory: ColourMemory | None = None
        if config.entries:
            self.memory = ColourMemory(
                half, config.entries, config.palettes,
                meaning=config.meaning, query=config.query, colour=config.colour,
            )  # fmt: skip
        self.last = Enlarge(half, half, PATCH, normed=False)
        self.refine = nn.Sequential(
            spectral(half + 3, half + 3), nn.ReLU(), spectral(half + 3, half + 3), nn.ReLU()
        )
        self.head = spectral(half + 3, 2)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, 1, H, W)` to float32 a and b, `(B, 2, H, W)`, in units of CIELAB."""
        colourless = source.new_zeros(1).expand(len(source), 2, *source.shape[2:])
        grey = (_coloured(source, colourless) - self.mean) / self.deviation
        maps, choice = self.encoder(grey)
        x = maps[-1]
        for up, skip in zip(self.up, reversed(maps[:-1]), strict=True):
            x = up(x, skip)
        if self.memory is not None:
            x = self.memory(x, choice)
        x = torch.cat([self.last(x), grey], dim=1)
        x = x + self.refine(x)
        with full_precision(x):
            out: Tensor = self.head(x.float())
        return out


class Encoder(nn.Module):
    """Patches as tokens; stages whose blocks in turn see the whole map's means, or shift their windows."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = config.widths
        self.embed = nn.Conv2d(3, config.width, PATCH, PATCH)
        self.embed_norm = nn.LayerNorm(config.width)
        self.stages = nn.ModuleList(_stage(config, n) for n in range(len(widths)))
        self.merges = nn.ModuleList(Merge(channels) for channels in widths[:-1])
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for channels in widths)
        self.choice = None
        if config.entries:
            self.choice = nn.Sequential(nn.LayerNorm(widths[-1]), nn.Linear(widths[-1], config.palettes))
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.trunc_normal_(part.weight, std=0.02)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(self, grey: Tensor) -> tuple[list[Tensor], Tensor]:
        """Map `(B, 3, H, W)` to maps `(B, C_n, H / 2 ** (n + 2), W / 2 ** (n + 2))` and shares `(B, palettes)`.

        The shares say how much of which palette the whole image takes; they sum to 1, and are empty without memory.
        """
        x = self.embed_norm(self.embed(grey).permute(0, 2, 3, 1))
        maps = list[Tensor]()
        for n, (stage, norm) in enumerate(zip(self.stages, self.norms, strict=True)):
            x = stage(self.merges[n - 1](x) if n else x)
            maps.append(norm(x))
        shares = x.new_zeros(len(x), 0)
        if self.choice is not None:
            # Linear layers and means commute.
            shares = self.choice(maps[-1]).mean(dim=(1, 2)).softmax(dim=-1)
        return [one.permute(0, 3, 1, 2) for one in maps], shares


def _stage(config: Config, n: int) -> nn.Sequential:
    sizes = (config.widths[n], config.heads[n], config.window)
    return nn.Sequential(
        *(
            Block(*sizes, shift=config.window // 2) if block % 2 else Block(*sizes, 0, config.pooled[n])
            for block in range(config.depths[n])
        )
    )


def _coloured(source: Tensor, chroma: Tensor) -> Tensor:
    return lab_to_rgb(torch.cat([50 * (source.float() + 1), chroma.float()], dim=1))


def build(config: Config) -> ColorFormer:
    """Build the translator."""
    return ColorFormer(config)
