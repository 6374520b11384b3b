"""Settings of PPT; the package cites the paper."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from transmodal.translators._conditional_gan import (
    ConditionalGanConfig,
)


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
