"""Acceleration: how numbers are computed, and not which; layout of weights, compiled networks, products.

Comes in: the settings and a translator's networks. Each part changes the rounding at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from transmodal.recipes.training_schema import Training


def accelerate(settings: Training, translator: nn.Module, players: Mapping[str, nn.Module]) -> None:
    """Bring weights into the layout that the settings ask for, and let the players be compiled at their first call.

    Args:
        settings: of the training.
        translator: on its device, before optimisers are built.
        players: of the phase.
    """
    if settings.channels_last:
        lay_out_channels_last(translator)
    if settings.compile:
        for player in players.values():
            player.compile()


def lay_out_channels_last(module: nn.Module) -> None:
    """Store convolutions' weights channels last; convolutions then compute so, whatever the layout of their input."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        elif parameter.ndim == 5:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)


@contextmanager
def set_tf32(settings: Training) -> Iterator[None]:
    """Let cards compute in TF32 what the settings allow, while the block runs."""
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, products.allow_tf32
    cudnn.allow_tf32 = settings.tf32 != "none"
    products.allow_tf32 = settings.tf32 == "all"
    try:
        yield
    finally:
        cudnn.allow_tf32, products.allow_tf32 = before
