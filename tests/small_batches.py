"""Batches of random images for tests of translators, and counts of their parameters."""

from __future__ import annotations

import torch
from torch import nn

from transmodal.batch import Batch


def batch_of(n: int = 2, side: int = 32) -> Batch:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(n, 1, side, side, generator=generator) * 2 - 1
    return Batch(image, torch.ones(n, 1), -image, draw=torch.arange(n), phase="train")


def count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def colour_batch_of(n: int = 2, side: int = 32) -> Batch:
    generator = torch.Generator().manual_seed(1)
    source = torch.rand(n, 1, side, side, generator=generator) * 2 - 1
    colour = torch.rand(n, 3, side, side, generator=generator)
    return Batch(source, torch.ones(n, 1), colour, draw=torch.arange(n))
