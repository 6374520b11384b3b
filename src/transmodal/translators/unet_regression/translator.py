"""U-Net regression: settings, networks, players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.losses.regression import deep_mae
from transmodal.losses.structure import ssim_loss
from transmodal.translators._base import Translator, TranslatorConfig
from transmodal.translators.unet_regression.resenc import ResidualEncoderUNet
from transmodal.translators.unet_regression.unet import ResidualUNet, groups_of

Count = Annotated[int, Field(ge=1)]
Network = ResidualUNet | ResidualEncoderUNet
NETWORKS: Mapping[str, type[Network]] = {"light": ResidualUNet, "resenc": ResidualEncoderUNet}


class Config(TranslatorConfig):
    """Settings; slices (2D), slabs (2.5D) and patches (3D) are chosen by the recipe's windows.

    Attributes:
        network: `light`, or nnU-Net's residual encoder, `resenc`.
        levels: times that the sides are halved.
        blocks: residual blocks of each stage on the way down: one number, or one for each of `levels + 1` stages.
        supervised: finest resolutions whose output is compared with the target; 1 is the image alone.
        judged: where the error counts: in the whole `window`, or inside the case's `mask`.
        l1_weight: of the mean absolute error.
        ssim_weight: of 1 - SSIM; 0 leaves it out.
    """

    network: Literal["light", "resenc"] = "light"
    width: int = Field(32, ge=1)
    levels: int = Field(4, ge=1, le=6)
    blocks: Count | tuple[Count, ...] = 1
    supervised: int = Field(1, ge=1)
    judged: Literal["window", "mask"] = "window"
    l1_weight: float = Field(1.0, ge=0)
    ssim_weight: float = Field(0.5, ge=0)

    @property
    def stages(self) -> tuple[int, ...]:
        """Residual blocks of each stage, the finest first."""
        return (self.blocks,) * (self.levels + 1) if isinstance(self.blocks, int) else self.blocks

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.stages) != self.levels + 1:
            raise ValueError(f"{len(self.stages)} numbers of blocks for {self.levels + 1} stages")
        if self.supervised > self.levels:
            raise ValueError(f"{self.supervised} resolutions are supervised, {self.levels} have an output")
        return self


class Outputs(NamedTuple):
    """One run of the generator.

    Attributes:
        synthetic: `(B, T, *S)`.
        coarse: the same at half of the sides, a quarter, ... as far as they are supervised.
    """

    synthetic: Tensor
    coarse: tuple[Tensor, ...] = ()


class UNetRegression(Translator[Outputs]):
    """One player, one network, two terms."""

    supported_dims = (2, 3)
    output_range = "free"
    takes_plane = True
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.plane_channels and not _tells_planes(config):
            raise UsageError(
                "E004",
                f"windows.plane_channels for {config.network} of width {config.width}, whose first normalisation is of every "
                "channel by itself: nothing is left of a constant",
                "the light network, with another width than 1, 2, 4 and 8",
                "Set settings.network=light and settings.width=16, or windows.plane_channels=false.",
            )
        self.generator: Network = NETWORKS[config.network](
            config.in_channels,
            config.target_channels,
            config.width,
            config.stages,
            heads=config.supervised,
            spatial_dims=config.spatial_dims,
        )
        if config.judged == "mask":
            self.needs = frozenset({"target", "mask"})

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, *S)` into `(B, T, *S)`, linear, on the scale of [-1, 1]; draws nothing."""
        self.check(source, available)
        out: Tensor = self.generator(source)
        return out

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse what `Translator.check` does, and windows of which the lowest stage sees one voxel."""
        super().check(source, available)
        least = self.size_multiple()
        if self.config.network == "resenc" and all(side == least for side in source.shape[2:]):
            raise UsageError(
                "E004",
                f"windows of {tuple(source.shape[2:])} with {self.config.levels} levels",
                f"a side of {2 * least} or more: instance normalisation of one voxel leaves nothing",
                "Set a larger windows.size, or fewer settings.levels.",
            )

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return int(2**self.config.levels)

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the generator, the only one."""
        return {"generator": self.generator}

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once."""
        self.check(batch.source, batch.available)
        synthetic, *coarse = self.generator.pyramid(batch.source)
        return Outputs(synthetic, tuple(coarse))

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return the weighted L1 and SSIM terms; the target lies in [-1, 1]."""
        config, target, mask = self.config, batch.target, None
        if target is None:
            raise InputError(
                "E131", "a batch without target", "pairs of source and target", "Check the cohort."
            )
        if config.judged == "mask":
            if batch.mask is None:
                raise InputError("E131", "a batch without mask", "a mask in every case", "Check the cohort.")
            mask = batch.mask.float()
        terms = {"l1": config.l1_weight * deep_mae((outputs.synthetic, *outputs.coarse), target, mask)}
        if config.ssim_weight > 0:
            synthetic = outputs.synthetic
            if mask is not None:  # outside there is nothing to compare
                synthetic = torch.where(mask > 0, synthetic, target.float())
            terms["ssim"] = config.ssim_weight * ssim_loss(synthetic, target, 2.0)
        return terms


def _tells_planes(config: Config) -> bool:
    """Return whether groups of channels are normalised together, so that a constant in some of them is not taken away."""
    return config.network == "light" and groups_of(config.width) < config.width


def build(config: Config) -> UNetRegression:
    """Build the translator."""
    return UNetRegression(config)
