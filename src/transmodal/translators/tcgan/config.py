"""Settings of TCGAN; the package cites the paper."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from transmodal.translators._conditional_gan import (
    ConditionalGanConfig,
)


class Config(ConditionalGanConfig):
    """The published code's values.

    Attributes:
        arrangement: `parallel` averages U-Net and transformer (the code's version 3), `serial` gives the U-Net the
            mean of source and transformer (version 4), `unet` has no transformer.
        levels: times that the U-Net halves the sides; 8 takes 256 x 256 to 1 x 1.
        dropout: in the U-Net's stages of 8 * width channels, while training.
        channels: of a token of the coarsest map; 384 or 1024.
        heads: of attention.
        depths: layers of the transformer on each of the three maps.
        grid: side of the coarsest map; 8 for 256 x 256. Other windows are averaged into it.
        hidden: length of the vector that the whole image becomes.
        branch_width: channels of the transformer's convolutions.
        objective: `paper`, or `cgan`: the conditional GAN with L1 that MRNet compared all generators under.
        pixel_weight: of the smooth L1, which `cgan` replaces by the mean absolute error.
    """

    arrangement: Literal["parallel", "serial", "unet"] = "parallel"
    levels: int = Field(8, ge=3, le=9)
    dropout: float = Field(0.5, ge=0, lt=1)
    channels: int = Field(384, ge=16)
    heads: int = Field(4, ge=1)
    depths: tuple[int, int, int] = (5, 4, 2)
    grid: int = Field(8, ge=1)
    hidden: int = Field(1024, ge=1)
    branch_width: int = Field(16, ge=1)
    objective: Literal["paper", "cgan"] = "paper"
    pixel_weight: float = Field(100.0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.channels % (16 * self.heads):
            raise ValueError(
                f"{self.channels} channels: {self.heads} heads need a multiple of {16 * self.heads}"
            )
        if min(self.depths) < 1:
            raise ValueError("each map has one layer or more")
        return self
