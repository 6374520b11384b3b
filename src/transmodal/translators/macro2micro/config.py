"""Settings of Macro2Micro; the package cites the paper."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from transmodal.nets.vgg import Layout, Taps
from transmodal.translators._base import TranslatorConfig
from transmodal.translators.macro2micro.octave import (
    split,
)


class Config(TranslatorConfig):
    """The values of the authors' early code.

    Attributes:
        octave: whether there is a low path; without it, plain convolutions of the same widths, and no frequency loss.
        alpha: share of the channels that are low.
        output: `tanh`, or `linear` as in the early code.
        l1_weight: of the image's mean absolute error.
        frequency_weight: of the mean absolute errors of the low and the high band.
        perceptual_weight: of the distance of VGG-19's features; of patches, the mean over slices of all three axes.
        vgg: file of VGG-19's weights, or `random`.
        vgg_layout: whose file it is; `torchvision` is given [0, 1], normalised as ImageNet, and `adain` [-1, 1],
            as in the early code.
        vgg_taps: features behind the ReLUs, or those of the early code.
        adversarial_weight: of the image discriminator's verdict; 0 leaves it out.
        discriminator_width: channels of the image discriminator's first stage.
        discriminator_levels: times that it halves the sides.
        patch_weight: of the patch discriminator's verdict; 0 leaves it out.
        patch_discriminator_width: channels of the patch discriminator's first stage.
        patch_discriminator_levels: times that it halves the sides.
        brain_focused: whether patches are cut where the mini-batch has brain, or anywhere in the image.
        brain_threshold: where there is no mask, what counts as brain, of intensities in [0, 1].
        crops: patches per image.
        crop_scales: least and largest side of a patch, as a share of the side that it is cut from.
        patch_size: side that patches are brought to; None: half of the image's shorter side.
    """

    octave: bool = True
    alpha: float = Field(0.5, gt=0, lt=1)
    output: Literal["tanh", "linear"] = "tanh"
    l1_weight: float = Field(1.0, ge=0)
    frequency_weight: float = Field(1.0, ge=0)
    perceptual_weight: float = Field(1.0, ge=0)
    vgg: str | None = None
    vgg_layout: Layout = "torchvision"
    vgg_taps: Taps = "relu"
    adversarial_weight: float = Field(1.0, ge=0)
    discriminator_width: int = Field(128, ge=1)
    discriminator_levels: int = Field(6, ge=1, le=8)
    patch_weight: float = Field(1.0, ge=0)
    patch_discriminator_width: int = Field(32, ge=1)
    patch_discriminator_levels: int = Field(5, ge=1, le=7)
    brain_focused: bool = True
    brain_threshold: float = Field(0.05, ge=0, lt=1)
    crops: int = Field(8, ge=1)
    crop_scales: tuple[float, float] = (1 / 8, 1 / 4)
    patch_size: int | None = Field(None, ge=4)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.octave and not all(split(self.width, self.alpha)):
            raise ValueError(
                f"alpha {self.alpha:g} leaves high or low without channels at width {self.width}"
            )
        if self.width < 2:
            raise ValueError("width has to be 2 or more: the last stage has half of it")
        low, high = self.crop_scales
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop_scales have to rise within 0 and 1, not {low:g} to {high:g}")
        return self
