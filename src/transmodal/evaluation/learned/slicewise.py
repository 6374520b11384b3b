"""Figures of a network that compares slices: inside the mask and whole, slice by slice, averaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from transmodal.errors import UsageError
from transmodal.evaluation.learned.axial import mask_slices, slices
from transmodal.evaluation.learned.base import CasePair
from transmodal.metrics.protocol import MetricValue, Protocol
from transmodal.metrics.registry import find

AT_ONCE = 8
"""Slices that the network sees at once."""

Compare = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Takes reference and synthetic slices `(B, 3, H, W)` in [0, 1] and the mask's, bool `(B, H, W)`, or None for whole
slices; gives one figure per slice, `(B,)`."""


class SliceJudge(NamedTuple):
    """A network that compares slices.

    Attributes:
        metric: name of its figure.
        least_side: shortest side of a slice that it can take.
        compare: one figure per slice; any number where a slice does not meet the mask.
        definition: stamped into the protocol.
        device: where it runs.
    """

    metric: str
    least_side: int
    compare: Compare
    definition: str
    device: torch.device

    def figures(self, pair: CasePair) -> list[MetricValue]:
        """Return the figure inside the mask, where there is one, and that of the whole volume.

        Raises:
            UsageError: E004 for slices that are smaller than the network can take.
            InputError: E120 for values that are not finite, E124 for an empty mask.
        """
        pair.check()
        return [
            self._figure(pair, inside) for inside in ([True, False] if pair.mask is not None else [False])
        ]

    def _figure(self, pair: CasePair, inside: bool) -> MetricValue:
        mask = pair.mask if inside else None
        reference, synthetic = (
            slices(volume, pair.scale, mask) for volume in (pair.reference, pair.synthetic)
        )
        if min(reference.shape[2:]) < self.least_side:
            raise UsageError(
                "E004",
                f"slices of {reference.shape[2]} x {reference.shape[3]} pixels for {self.metric}",
                f"{self.least_side} pixels or more per side",
                "Leave this metric out.",
            )
        within = None if mask is None else mask_slices(mask, pair.reference)
        values = self._values(reference, synthetic, within)
        is_used = torch.ones(len(values), dtype=torch.bool) if within is None else within.any(dim=(1, 2))
        return MetricValue(
            self.metric,
            float(values[is_used].double().mean()),
            find(self.metric).unit,
            Protocol(
                "mask" if inside else "whole",
                2,
                pair.unit,
                pair.scale.width,
                definition=f"{self.definition}, {pair.scale.text()}",
                mask=pair.mask_text if inside else "",
            ),
            None if within is None else int((~is_used).sum()),
        )

    @torch.no_grad()
    def _values(self, reference: Tensor, synthetic: Tensor, within: Tensor | None) -> Tensor:
        """Return one figure per slice, batch by batch."""
        values = []
        for start in range(0, len(reference), AT_ONCE):
            batch = slice(start, start + AT_ONCE)
            inside = None if within is None else within[batch].to(self.device)
            compared = self.compare(
                reference[batch].to(self.device), synthetic[batch].to(self.device), inside
            )
            values.append(compared.cpu())
        return torch.cat(values)
