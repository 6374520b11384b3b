"""ColorFormer: settings, networks, players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from transmodal.nets import weight_maps
from transmodal.nets.blocks import full_precision
from transmodal.nets.pretrained import PretrainedWeights
from transmodal.nets.shuffle import Enlarge, Up
from transmodal.nets.spectral import spectral
from transmodal.nets.swin import Block, Merge, Padding, WindowAttention
from transmodal.translators._chroma import Chroma, ChromaConfig, GreyPicture
from transmodal.translators.colorformer.colour_memory import ColourMemory

PATCH = 4
"""Side of the patch that is a token, and what the decoder enlarges by at its end."""


class Config(ChromaConfig):
    """The published code's values.

    Attributes:
        width: channels of a token at 1/4 of the sides; doubled at each stage.
        depths: blocks of each stage of the encoder.
        heads: of attention, in each stage.
        window: side of the attention's windows, in tokens.
        pooled: side of the map's mean that every second block sees besides, in each stage; 0 leaves it out.
        padding: what attention makes of the zeros that fill a map up to whole windows. `attended`, as in the published
            code: they are tokens as any, and every map is shifted; `masked`: nobody attends to them, and a map of one
            window is not shifted, as in checkpoints that do not say it.
        features: channels of the decoder's maps; its last ones have half of them.
        entries: of the colour memory; 0 leaves the memory out.
        palettes: colours of each entry.
        meaning: numbers that tell an entry's meaning.
        query: length of the vectors that places and meanings are compared by.
        colour: length of the vector that a colour becomes.
        backbone: file GLH.pth, which the encoder starts from; None starts from scratch.
    """

    earlier: ClassVar[Mapping[str, object]] = {"padding": "masked", "spectral": "restarted"}

    width: int = Field(96, ge=1)
    depths: tuple[int, ...] = Field((2, 2, 6, 2), min_length=2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = Field(7, ge=2)
    pooled: tuple[int, ...] = (8, 4, 2, 1)
    padding: Padding = "attended"
    features: int = Field(512, ge=2, multiple_of=2)
    entries: int = Field(512, ge=0)
    palettes: int = Field(4, ge=1)
    meaning: int = Field(64, ge=1)
    query: int = Field(512, ge=1)
    colour: int = Field(256, ge=1)
    backbone: str | None = None

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


class ColorFormer(Chroma):
    """A network of chrominance against a discriminator of colour images."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, ChromaNet(config))

    def pretrained(self) -> Mapping[str, PretrainedWeights]:
        """Return the encoder as its authors trained it, with its choice among palettes, as the original starts."""
        config = self.config
        weight_map = weight_maps.glh_transformer(
            "encoder.", config.depths, config.pooled, chooses=config.entries > 0
        )
        return {"backbone": PretrainedWeights(self.generator, config.backbone, weight_maps.GLH, *weight_map)}

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of: the lowest stage's tokens."""
        return PATCH << (len(self.config.depths) - 1)

    def least_normed(self, samples: int) -> int:
        """Return the shortest side on which every map of that many samples can be normalised."""
        return self.size_multiple() * (1 if samples > 1 else 2)


class ChromaNet(nn.Module):
    """Encoder, decoder with the memory at 1/4 of the sides, and two convolutions of its map and the image."""

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
        self.grey = GreyPicture()

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, 1, H, W)` to float32 a and b, `(B, 2, H, W)`, in units of CIELAB."""
        grey = self.grey(source)
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
        return [feature_map.permute(0, 3, 1, 2) for feature_map in maps], shares


def _stage(config: Config, n: int) -> nn.Sequential:
    sizes, padding = (config.widths[n], config.heads[n], config.window), config.padding

    def block(number: int) -> Block:
        shift, pooled = (config.window // 2, 0) if number % 2 else (0, config.pooled[n])
        return Block(config.widths[n], WindowAttention(*sizes, shift, pooled, padding))

    return nn.Sequential(*(block(number) for number in range(config.depths[n])))


def build(config: Config) -> ColorFormer:
    """Build the translator."""
    return ColorFormer(config)
