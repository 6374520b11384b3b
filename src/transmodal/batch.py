"""Batch: the only thing that data and translators share."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from transmodal.errors import InputError


class Batch(NamedTuple):
    """One step's tensors; `S` is `(H, W)` or `(D, H, W)`.

    Attributes:
        source: `(B, C, *S)` in [-1, 1]; C is the sum of the source modalities' channels.
        available: `(B, n_modalities)`, 1 where the source modality is there, else 0.
        target: `(B, T, *S)` in the translator's output range; None at inference.
        mask: `(B, 1, *S)`, 0 or 1; None where the cohort has none.
        segmentation: `(B, *S)`, integer labels; None where the cohort has none.
        features: what a frozen encoder makes of the source; None where there is none.
        draw: `(B,)` int64, one seed per sample: every random number of this step comes from it.
        phase: name of the training phase.
        step: number of the step within the run, from 0.
        is_pair: `(B,)` bool, whether a sample's target is of the place of its source; None where all samples are of the
            kind that the translator's `pairing` names.
    """

    source: Tensor
    available: Tensor
    target: Tensor | None = None
    mask: Tensor | None = None
    segmentation: Tensor | None = None
    features: Tensor | None = None
    draw: Tensor | None = None
    phase: str = "train"
    step: int = 0
    is_pair: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """Move the tensors to `device`; the seeds stay on the CPU, where they are read."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        return self._replace(
            source=self.source.to(device, non_blocking=True),
            available=self.available.to(device, non_blocking=True),
            target=move(self.target),
            mask=move(self.mask),
            segmentation=move(self.segmentation),
            features=move(self.features),
            is_pair=move(self.is_pair),
        )

    def paired(self) -> Tensor:
        """Return the target.

        Raises:
            InputError: E131 for a batch that has none.
        """
        if self.target is None:
            raise InputError(
                "E131", "a batch without target", "pairs of source and target", "Check the cohort."
            )
        return self.target

    def generators(self, stream: int = 0) -> list[torch.Generator]:
        """Return one CPU generator per sample; another `stream` gives independent numbers.

        Because each sample has its own seed, the numbers do not depend on how samples are spread over
        processes.

        Raises:
            ValueError: when the batch carries no seeds.
        """
        if self.draw is None:
            raise ValueError("this batch carries no seeds (draw)")
        return generators(self.draw, stream)


def copy_to(device: torch.device, tensor: Tensor) -> Tensor:
    """Copy what was drawn on the CPU to a device; to a card without waiting for what it is computing."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def generators(seeds: Tensor, stream: int = 0) -> list[torch.Generator]:
    """Return one CPU generator per seed; another `stream` gives independent numbers.

    Args:
        seeds: `(B,)` int64.
        stream: number of the place that draws, so that no two places draw the same.
    """
    return [
        torch.Generator().manual_seed((seed + 0x9E3779B97F4A7C15 * stream) % 2**63) for seed in seeds.tolist()
    ]
