"""Settings of AGI-Net; the package cites the paper."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from transmodal.translators._conditional_gan import (
    ConditionalGanConfig,
)
from transmodal.translators.agi_net.group_rolling import (
    Attention,
    Fill,
)


class Config(ConditionalGanConfig):
    """The paper's values where they are known.

    Attributes:
        levels: stages; the sides are halved between them.
        blocks: residual blocks per stage.
        groups: n; None takes one per source modality.
        cga: cross group attention by `channel`, by place (`spatial`), or `none`.
        rolling: whether kernels are moved group by group.
        roll_fill: what comes in where a kernel moves: its other end (`circular`) or 0 (`zero`).
        delta: furthest that a kernel moves, in pixels.
        replace: which 3 x 3 convolutions are CAGR: those of the `encoder`, `all` or `none`.
    """

    levels: int = Field(4, ge=2, le=6)
    blocks: int = Field(2, ge=1, le=4)
    groups: int | None = Field(None, ge=1)
    cga: Attention = "channel"
    rolling: bool = True
    roll_fill: Fill = "circular"
    delta: float = Field(1.0, gt=0, le=2)
    replace: Literal["encoder", "all", "none"] = "encoder"

    @property
    def modalities(self) -> tuple[int, ...]:
        """Channels of each source modality in the `source` tensor."""
        return tuple(channels * self.slab_depth for channels in self.source_channels)
