"""Settings of MRI colorization; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from transmodal.translators._base import TranslatorConfig

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {},
    "paper_code": {
        "decoder_link": "shared",
        "se_residual": "se",
        "mr_structure_weight": 0.0,
        "discriminator_pool": "scalar",
    },
}


class Config(TranslatorConfig):
    """The paper's values; where the text and the released code part, the text's.

    Attributes:
        preset: `paper`, or `paper_code`, which follows the released code; settings that are given win.
        blocks: residual blocks per decoder.
        decoder_link: `se_skip` hands the organ decoder's features to the colour decoder, stage by stage; `none`
            does not; `shared` has one decoder, so that c' is c^.
        multiscale: whether slices are also seen at a half and a quarter of their sides.
        squeeze: whether residual blocks and links weigh their channels (squeeze and excitation).
        squeeze_reduction: ratio by which they squeeze their channels before they excite them.
        squeeze_least: channels that are left at least, however few there are to squeeze.
        se_residual: `se` adds nothing else to a block's input; `conv` adds a convolutional branch.
        classes: labels that segmentations have, from 0.
        segmenter_width: channels of the label U-Net's first level.
        discriminator_width: channels of the discriminators' first layer.
        discriminator_pool: `scalar` gives one verdict per image, `map` one per patch.
        adversarial_weight: of either verdict; 0 trains without discriminators.
        cycle_weight: of either cycle's mean absolute error.
        structure_weight: of the SSIM terms of c^ in grey and m.
        segmentation_weight: of the cross-entropy of c''s labels; 0 trains without the label U-Net.
        organ_weight: of the SSIM terms of c' and c.
        mr_structure_weight: of the SSIM terms of the synthetic MR slice and c in grey.
    """

    target_channels: int = Field(3, ge=1)
    width: int = Field(128, ge=2, multiple_of=2)
    preset: Literal["paper", "paper_code"] = "paper"
    blocks: int = Field(9, ge=1)
    decoder_link: Literal["none", "se_skip", "shared"] = "se_skip"
    multiscale: bool = True
    squeeze: bool = True
    squeeze_reduction: int = Field(16, ge=1)
    squeeze_least: int = Field(8, ge=1)
    se_residual: Literal["se", "conv"] = "se"
    classes: int = Field(47, ge=2)
    segmenter_width: int = Field(64, ge=1)
    discriminator_width: int = Field(64, ge=1)
    discriminator_pool: Literal["scalar", "map"] = "scalar"
    adversarial_weight: float = Field(1.0, ge=0)
    cycle_weight: float = Field(10.0, ge=0)
    structure_weight: float = Field(1.0, ge=0)
    segmentation_weight: float = Field(1.0, ge=0)
    organ_weight: float = Field(1.0, ge=0)
    mr_structure_weight: float = Field(1.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, settings: Any) -> Any:  # noqa: ANN401 - whatever the caller gave
        return (
            {**PRESETS.get(str(settings.get("preset")), {}), **settings}
            if isinstance(settings, dict)
            else settings
        )

    @property
    def teaches_organs(self) -> bool:
        """Whether any term is on c'."""
        return self.segmentation_weight > 0 or self.organ_weight > 0

    @property
    def teaches_colour(self) -> bool:
        """Whether any term is on c^."""
        own = self.adversarial_weight > 0 or self.cycle_weight > 0 or self.structure_weight > 0
        return own or (self.decoder_link == "shared" and self.teaches_organs)

    @property
    def returns(self) -> bool:
        """Whether any term needs the way back, from colour to MR."""
        return self.adversarial_weight > 0 or self.cycle_weight > 0 or self.mr_structure_weight > 0
