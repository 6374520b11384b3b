"""DDColor: settings, networks, players and losses; the package cites the paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.nets import weight_maps
from transmodal.nets.blocks import full_precision
from transmodal.nets.pretrained import PretrainedWeights
from transmodal.nets.shuffle import PixelDecoder
from transmodal.nets.spectral import spectral
from transmodal.translators._chroma import Chroma, ChromaConfig, GreyPicture, Outputs
from transmodal.translators.ddcolor.colourfulness import colourlessness, vivid
from transmodal.translators.ddcolor.convnext import ConvNeXt


class Config(ChromaConfig):
    """The published code's values, with the smallest of its encoders.

    Attributes:
        width: channels of ConvNeXt's first stage: 96 for the tiny and small network, 192 for the large one.
        depths: its blocks: 3, 3, 9, 3 for the tiny one, 3, 3, 27, 3 for small and large.
        features: channels of the pixel decoder.
        queries: colours that are learnt.
        layers: of the colour decoder; 0 leaves the queries the same for every image.
        scales: maps of the pixel decoder that queries look at in turn: 1/16, then 1/8, then 1/4 of the sides.
        hidden: channels of a query.
        heads: of attention.
        feedforward: inner width of the colour decoder's perceptrons.
        colourfulness_weight: of the term that asks for colour.
        vividness: how far from grey the target lies in the perceptual and adversarial terms; 1 leaves it as it is.
        backbone: file of ConvNeXt trained on ImageNet-22k, which the encoder starts from; None starts from scratch.
    """

    earlier: ClassVar[Mapping[str, object]] = {"spectral": "restarted"}

    width: int = Field(96, ge=1)
    depths: tuple[int, int, int, int] = (3, 3, 9, 3)
    features: int = Field(512, ge=2, multiple_of=2)
    queries: int = Field(100, ge=1)
    layers: int = Field(9, ge=0)
    scales: int = Field(3, ge=1, le=3)
    hidden: int = Field(256, ge=4, multiple_of=4)
    heads: int = Field(8, ge=1)
    feedforward: int = Field(2048, ge=1)
    colourfulness_weight: float = Field(0.5, ge=0)
    vividness: float = Field(1.2, ge=0)
    backbone: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if min(self.depths) < 1:
            raise ValueError("each stage has one block or more")
        if self.hidden % self.heads:
            raise ValueError(f"{self.hidden} channels do not divide among {self.heads} heads")
        return self


class DDColor(Chroma):
    """A network of chrominance against a discriminator of colour images, and a term that asks for colour."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, ChromaNet(config))

    def pretrained(self) -> Mapping[str, PretrainedWeights]:
        """Return ConvNeXt of the encoder's size, as the original starts."""
        config = self.config
        file = weight_maps.convnext_file(config.width, config.depths)
        weight_map = weight_maps.convnext("encoder.", config.depths)
        return {"backbone": PretrainedWeights(self.generator, config.backbone, file, *weight_map)}

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return 32

    def least_normed(self, samples: int) -> int:
        """Return the shortest side on which every map of that many samples can be normalised."""
        return 32 if samples > 1 else 64

    def enhance(self, target: Tensor) -> Tensor:
        """Return the target, further from grey."""
        return vivid(target, self.config.vividness)

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's weighted terms: chrominance, perception, verdict and colour; or the discriminator's."""
        terms, weight = super().losses(player, batch, outputs), self.config.colourfulness_weight
        if player == "generator" and weight > 0:
            terms["colourfulness"] = weight * colourlessness(outputs.synthetic)
        return terms


class ChromaNet(nn.Module):
    """ConvNeXt, the two decoders, and a 1 x 1 convolution of the colours' maps and the image to a and b."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.encoder = ConvNeXt(3, config.width, config.depths)
        self.pixels = PixelDecoder(self.encoder.widths, config.features)
        self.colours = ColourDecoder(config, self.pixels.widths)
        self.head = spectral(config.queries + 3, 2, 1)
        self.grey = GreyPicture()

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, 1, H, W)` to float32 a and b, `(B, 2, H, W)`, in units of CIELAB; sides are multiples of 32."""
        grey = self.grey(source)
        maps, finest = self.pixels(self.encoder(grey))
        likeness = torch.einsum("bqc,bchw->bqhw", self.colours(maps), finest)
        with full_precision(source):
            out: Tensor = self.head(torch.cat([likeness.float(), grey], dim=1))
        return out


class ColourDecoder(nn.Module):
    """Learnt queries that look at maps in turn, then at one another, and become colours by a perceptron."""

    def __init__(self, config: Config, widths: Sequence[int]) -> None:
        super().__init__()
        hidden = config.hidden
        map_widths = widths[: min(config.scales, config.layers)]
        self.start = nn.Parameter(torch.randn(config.queries, hidden))
        self.places = nn.Parameter(torch.randn(config.queries, hidden)) if config.layers else None
        self.levels = nn.ParameterList(torch.randn(hidden, 1) for _ in map_widths)
        self.projections = nn.ModuleList(nn.Conv2d(channels, hidden, 1) for channels in map_widths)
        self.layers = nn.ModuleList(
            QueryLayer(hidden, config.heads, config.feedforward) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(hidden)
        self.perceptron = nn.Sequential(
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, config.features // 2),
        )  # fmt: skip

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return colours `(B, Q, C)` for maps of `(B, C_n, h_n, w_n)`, the coarsest first."""
        queries = self.start.expand(len(maps[0]), -1, -1)
        if self.places is not None:
            levels = []
            for projection, level, feature_map in zip(self.projections, self.levels, maps, strict=False):
                tokens = (projection(feature_map).flatten(2) + level).transpose(1, 2)
                levels.append((tokens, sine_positions(feature_map, len(level))))
            for layer, (tokens, positions) in zip(self.layers, cycle(levels), strict=False):
                queries = layer(queries, self.places, tokens, positions)
        out: Tensor = self.perceptron(self.norm(queries))
        return out


class QueryLayer(nn.Module):
    """Attention to a map, attention to one another, a perceptron; each is added and then normalised.

    Args:
        channels: of a query and of a token.
        heads: of attention.
        inner: width of the perceptron's inner layer.
    """

    def __init__(self, channels: int, heads: int, inner: int) -> None:
        super().__init__()
        self.across, self.among = (nn.MultiheadAttention(channels, heads, batch_first=True) for _ in range(2))
        self.perceptron = nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1 and not name.startswith("norms"):
                nn.init.xavier_uniform_(parameter)

    def forward(self, queries: Tensor, places: Tensor, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return queries `(B, Q, C)`.

        Args:
            queries: `(B, Q, C)`.
            places: `(Q, C)`, what is added to queries where they are compared.
            tokens: `(B, N, C)`, the map's.
            positions: `(N, C)`, what is added to tokens where they are compared.
        """
        first, second, third = self.norms
        attended = self.across(queries + places, tokens + positions, tokens, need_weights=False)[0]
        queries = first(queries + attended)
        placed = queries + places
        queries = second(queries + self.among(placed, placed, queries, need_weights=False)[0])
        out: Tensor = third(queries + self.perceptron(queries))
        return out


def sine_positions(like: Tensor, channels: int) -> Tensor:
    """Return `(H * W, channels)`: half for the row, half for the column, sines and cosines in turn.

    Rows and columns run from 1/n to 1 times 2 pi, over wavelengths up to 10000 (Carion et al., DETR, ECCV 2020).

    Args:
        like: `(B, C, H, W)`, which tells sides and device.
        channels: a multiple of 4.
    """
    half = channels // 2
    rates = 10000.0 ** (-2 * torch.arange(half // 2, device=like.device, dtype=torch.float32) / half)
    waves = []
    for side in like.shape[2:]:
        places = 2 * math.pi * torch.arange(1, side + 1, device=like.device, dtype=torch.float32) / side
        angles = places[:, None] * rates
        waves.append(torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1))
    rows, columns = waves
    height, width = like.shape[2:]
    return torch.cat(
        [rows[:, None].expand(-1, width, -1), columns[None].expand(height, -1, -1)], dim=2
    ).flatten(0, 1)


def build(config: Config) -> DDColor:
    """Build the translator."""
    return DDColor(config)
