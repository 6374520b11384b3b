"""Translators that learn nothing and stand in for trained ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.translators._base import Translator


class Outputs(NamedTuple):
    synthetic: Tensor


class StandIn(Translator[Outputs]):
    """What is not asked of a translator that only translates."""

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        return {}

    def synthesise(self, batch: Batch) -> Outputs:
        return Outputs(batch.source)

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        return {}
