"""unet_regression: no paper of its own; Ronneberger et al., U-Net, MICCAI 2015, with residual blocks.

A plain residual U-Net, trained by regression: what every adversarial model has to beat. Residual blocks are those of
He et al. (CVPR 2016), group normalisation that of Wu and He (ECCV 2018), the loss that of Zhao et al. (IEEE TCI 2017):
L1 and SSIM together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import InputError
from transmodal.losses.structure import ssim_loss
from transmodal.nets.unet import ResidualUNet
from transmodal.translators._base import Translator, TranslatorConfig


class Config(TranslatorConfig):
    """Settings; slices (2D), slabs (2.5D) and patches (3D) are chosen by the recipe's windows.

    Attributes:
        levels: times that the sides are halved.
        blocks: residual blocks per stage.
        l1_weight: of the mean absolute error.
        ssim_weight: of 1 - SSIM; 0 leaves it out.
    """

    width: int = Field(32, ge=1)
    levels: int = Field(4, ge=1, le=6)
    blocks: int = Field(1, ge=1)
    l1_weight: float = Field(1.0, ge=0)
    ssim_weight: float = Field(0.5, ge=0)


class Outputs(NamedTuple):
    """What the generator made.

    Attributes:
        synthetic: `(B, T, *S)`.
    """

    synthetic: Tensor


class UNetRegression(Translator[Outputs]):
    """One player, one network, two terms."""

    supported_dims = (2, 3)
    output_range = "free"
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.generator = ResidualUNet(
            config.in_channels,
            config.target_channels,
            config.width,
            config.levels,
            blocks=config.blocks,
            spatial_dims=config.spatial_dims,
        )

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, *S)` into `(B, T, *S)`, linear, on the scale of [-1, 1]; draws nothing."""
        self.check(source, available)
        out: Tensor = self.generator(source)
        return out

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return int(2**self.config.levels)

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the generator, the only one."""
        return {"generator": self.generator}

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once."""
        return Outputs(self(batch.source, batch.available))

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return the weighted L1 and SSIM terms; the target lies in [-1, 1]."""
        if batch.target is None:
            raise InputError(
                "E131", "a batch without target", "pairs of source and target", "Check the cohort."
            )
        terms = {"l1": self.config.l1_weight * F.l1_loss(outputs.synthetic.float(), batch.target.float())}
        if self.config.ssim_weight > 0:
            terms["ssim"] = self.config.ssim_weight * ssim_loss(outputs.synthetic, batch.target, 2.0)
        return terms


def build(config: Config) -> UNetRegression:
    """Build the translator."""
    return UNetRegression(config)
