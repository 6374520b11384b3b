"""Settings of MRNet; the package cites the paper."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from transmodal.translators._base import TranslatorConfig
from transmodal.translators.mrnet.sam import SamModel, SamSize


class Config(TranslatorConfig):
    """The paper's values, and our decisions where it gives none.

    Attributes:
        levels: times that the sides are halved; 8 takes 256 x 256 to 1 x 1.
        sam: file of SAM's weights, `random`, or `none` for an encoder without SAM's features.
        sam_model: size of SAM's encoder; `tiny` has random weights only.
        sam_size: side that SAM sees images at; the features have a sixteenth of it.
        sam_pool: side of the squares of SAM's features that become their mean; 2 makes a quarter of them.
        sam_bits: bits of a feature, 16 or 8.
        sam_route: `encoder`: joined features go down and into the skips; `skip`: into the skips and the decoder alone.
        sam_levels: stages that are joined with SAM's features, from 1, the finest, to `levels`; None joins all.
        adaptor_kernel: of the convolutions C_i that adapt SAM's features.
        fuse: how T_i begins: `conv` brings the joined channels back to half, `norm_act` leaves them.
        soft_clamp: whether S acts between encoder and decoder.
        softness: S's slope outside of 0 to 1.
        output: `unit`: tanh behind norm and ReLU, as the text has it, [0, 1]; `signed`: tanh alone, [-1, 1].
        masks: how many correct the image, one after the other.
        mask_rule: `sequential`: each mask acts once; `literal`: eq. 5 as printed.
        mask_hidden: channels within a mask's network.
        mask_space: `faithful`: masks multiply the image as it is; `unit`: brought to [0, 1], so that 0 is air.
        l1_weight: of the mean absolute error.
        feature_weight: of what masks discard; 0 leaves it out.
        mask_weight: of how much masks close; 0 leaves it out.
        discard_of: whether what a mask discards is taken of the image behind it, as printed, or before it.
        discriminator_norm: `instance` as in the generator, or `batch` as in pix2pix.
    """

    levels: int = Field(8, ge=2, le=9)
    sam: str | None = None
    sam_model: SamModel = "b"
    sam_size: SamSize = 1024
    sam_pool: Literal[1, 2, 4] = 1
    sam_bits: Literal[8, 16] = 16
    sam_route: Literal["encoder", "skip"] = "encoder"
    sam_levels: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] | None = None
    adaptor_kernel: Literal[1, 3] = 1
    fuse: Literal["conv", "norm_act"] = "conv"
    soft_clamp: bool = True
    softness: float = Field(0.001, ge=0, lt=1)
    output: Literal["unit", "signed"] = "unit"
    masks: int = Field(2, ge=0, le=8)
    mask_rule: Literal["sequential", "literal"] = "sequential"
    mask_hidden: int = Field(64, ge=1)
    mask_space: Literal["faithful", "unit"] = "faithful"
    l1_weight: float = Field(100.0, ge=0)
    feature_weight: float = Field(0.1, ge=0)
    mask_weight: float = Field(0.05, ge=0)
    discard_of: Literal["output", "input"] = "output"
    discriminator_norm: Literal["instance", "batch"] = "instance"

    @model_validator(mode="after")
    def _check_levels(self) -> Self:
        odd = [level for level in self.sam_levels or () if level > self.levels]
        if odd or len(set(self.sam_levels or ())) < len(self.sam_levels or ()):
            raise ValueError(f"sam_levels has each stage once, 1 to {self.levels}")
        return self

    def joins(self, level: int) -> bool:
        """Return whether a stage, from 1, is joined with SAM's features."""
        return self.sam != "none" and (self.sam_levels is None or level in self.sam_levels)
