"""Pairs of shapes whose targets were shifted, each pair otherwise, and what training makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Adam

from transmodal import translators
from transmodal.batch import Batch
from transmodal.recipes.training_schema import Training
from transmodal.training.alignment.parts import build_parts
from transmodal.training.step import step
from transmodal.translators._base import Translator

SIDE, STEPS = 32, 120


class ShiftedPairs:
    """Targets that are the sources with dark for bright; those of training pairs lie a few pixels off.

    Args:
        shift: how far, in pixels, each pair in a direction of its own; 0 plants nothing.
    """

    def __init__(self, shift: int) -> None:
        generator = torch.Generator().manual_seed(5)
        coarse = torch.rand(40, 1, 7, 7, generator=generator)
        shapes = torch.sigmoid(20 * (F.interpolate(coarse, (SIDE, SIDE), mode="bicubic") - 0.5))
        self.source = 2 * shapes - 1
        self.truth = -0.8 * self.source
        angles = torch.rand(40, generator=generator) * 2 * torch.pi
        moves = [(round(shift * float(a.cos())), round(shift * float(a.sin()))) for a in angles]
        self.target = torch.stack(
            [torch.roll(image, move, (1, 2)) for image, move in zip(self.truth, moves, strict=True)]
        )

    def batch(self, number: int) -> Batch:
        """Return a batch of eight of the first 32 pairs; the others are never learned from."""
        chosen = torch.randperm(32, generator=torch.Generator().manual_seed(number))[:8]
        return Batch(self.source[chosen], torch.ones(8, 1), self.target[chosen], draw=chosen)


ErrorAfter = Callable[[int, Mapping[str, Any] | None], float]


def error_after(shift: int, alignment: Mapping[str, Any] | None) -> float:
    """Train a small U-Net on pairs and return its mean absolute error on new sources, against where they truly lie."""
    pairs = ShiftedPairs(shift)
    torch.manual_seed(0)
    settings = Training.model_validate({"epochs": 1, "alignment": alignment})
    translator: Translator[Any] = translators.build(
        "unet_regression", {"width": 4, "levels": 2, "ssim_weight": 0}
    )
    fabric = Fabric(accelerator="cpu", devices=1)
    parts = build_parts(settings, translator.config, fabric.device)
    optimizers = {"generator": Adam(translator.parameters(), 3e-3)}
    head = None if parts.registrar is None else Adam(parts.registrar.head.parameters(), 5e-3)
    translator.train()
    for number in range(STEPS):
        batch = pairs.batch(number)
        if parts.registrar is not None and head is not None:
            batch, _ = parts.registrar.align(fabric, translator, head, batch)
        step(fabric, translator, optimizers, batch, further=parts.structure)
    with torch.no_grad():
        synthetic: Tensor = translator.eval()(pairs.source[32:], torch.ones(8, 1))
    return float((synthetic - pairs.truth[32:]).abs().mean())


@pytest.fixture(scope="session")
def error_of() -> ErrorAfter:
    """Return a function that trains on pairs of a shift with an alignment, each once, and gives the error."""
    return cache_errors()


def cache_errors() -> ErrorAfter:
    known: dict[str, float] = {}

    def error(shift: int, alignment: Mapping[str, Any] | None) -> float:
        key = repr((shift, alignment))
        if key not in known:
            known[key] = error_after(shift, alignment)
        return known[key]

    return error


@pytest.fixture
def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)
