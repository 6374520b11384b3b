"""Settings of ALDM; the package cites the paper."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from transmodal.errors import UsageError
from transmodal.translators._base import TranslatorConfig
from transmodal.translators.aldm.diffusion import Prediction

_FORMER = ("adversarial_weight", "commitment", "discriminator_layers", "halvings", "heads")
"""Settings of this translator before it had its second phase; checkpoints of then hold all of them."""


class Config(TranslatorConfig):
    """The released values, in two dimensions.

    Attributes:
        width: channels of the autoencoder's first stage.
        stages: multiples of that width, per stage; the sides are halved between stages.
        latent: channels of a latent map.
        codes: entries of a codebook.
        codebook_weight: of both codebook terms. The release ends with 0, after earlier training with 1.
        code_spread: largest entry of a new code; None is one over the number of codes, as in the release.
        beta: share of the codes' own term in them.
        spade_width: channels of the mapper from source to target latents.
        spade_hidden: channels of each of its modulations.
        diffusion_width: channels of the denoiser's first stage.
        multiples: of that width, per stage; the sides are halved between stages.
        attention: stages of the denoiser with attention, from 0.
        head_channels: of each head of attention.
        groups: of the normalisations in autoencoder and denoiser.
        steps: of the noise schedule.
        predicts: whether the denoiser gives the noise or the clean latents.
        average: decay of the mean of the denoiser's weights, which translates.
        latent_scale: what latents are multiplied by for the denoiser; None divides by the deviation of the target's
            latents in training. The release has 1.
        sampler_steps: of the sampler.
        eta: share of noise that the sampler adds after each step; 0 is deterministic.
        directions: `task` learns from source to target; `all` also from target to source, a class for each, as the
            release learns between any two of its contrasts.
    """

    width: int = Field(64, ge=1)
    stages: tuple[int, ...] = Field((1, 1, 2), min_length=1, max_length=5)
    latent: int = Field(4, ge=1)
    codes: int = Field(8192, ge=2)
    codebook_weight: float = Field(1.0, ge=0)
    code_spread: float | None = Field(None, gt=0)
    beta: float = Field(0.25, ge=0)
    spade_width: int = Field(128, ge=1)
    spade_hidden: int = Field(64, ge=1)
    diffusion_width: int = Field(128, ge=2)
    multiples: tuple[int, ...] = Field((1, 1, 2), min_length=1, max_length=5)
    attention: tuple[int, ...] = (1, 2)
    head_channels: int = Field(32, ge=1)
    groups: int = Field(32, ge=1)
    steps: int = Field(1000, ge=1)
    predicts: Prediction = "noise"
    average: float = Field(0.9999, ge=0, lt=1)
    latent_scale: float | None = Field(None, gt=0)
    sampler_steps: int = Field(200, ge=1)
    eta: float = Field(1.0, ge=0, le=1)
    directions: Literal["task", "all"] = "task"

    @model_validator(mode="before")
    @classmethod
    def _not_former(cls, settings: Any) -> Any:  # noqa: ANN401 - what is to be validated
        """Refuse settings, and checkpoints, of the two phases that this translator once had."""
        former = [key for key in _FORMER if isinstance(settings, dict) and key in settings]
        if former:
            raise UsageError(
                "E004",
                f"aldm with settings of its former two phases: {', '.join(former)}",
                "settings of its three phases: autoencoder, spade, diffusion",
                "Train again: transmodal train aldm. A run of the two phases needs the version that wrote it.",
            )
        return settings

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        last = len(self.multiples) - 1
        stages = {*self.attention, last}  # the middle attends at the last stage's width
        if not stages <= set(range(last + 1)):
            raise ValueError(f"settings.attention {self.attention} of a denoiser with stages 0 to {last}")
        for stage in stages:
            channels = self.diffusion_width * self.multiples[stage]
            if channels % self.head_channels:
                raise ValueError(
                    f"settings.head_channels {self.head_channels} does not divide the {channels} channels of stage "
                    f"{stage}: settings.diffusion_width times its multiple"
                )
        return self
