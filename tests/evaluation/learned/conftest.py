"""Pairs of volumes, and a small network, for metrics of networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from transmodal.evaluation.learned import fid
from transmodal.evaluation.learned.base import CasePair
from transmodal.nets.frozen import FrozenNet
from transmodal.volumes import Volume

SHAPE = (33, 37, 6)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


def _make_pair(
    size: float = 0.0, *, masked: bool = True, seed: int = 0, unit: str = "FA", **changed: object
) -> CasePair:
    """A pair that differs by noise of a size inside and outside the mask; the first slice has no mask."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*(np.linspace(0, 1, n) for n in SHAPE), indexing="ij")
    reference = (0.5 + 0.4 * np.sin(5 * axes[0]) * axes[1] + 0.1 * axes[2]).astype(np.float32)
    mask = np.zeros(SHAPE, bool)
    mask[6:25, 8:30, 1:] = True
    synthetic = reference + np.float32(size) * rng.normal(size=SHAPE).astype(np.float32)
    return replace(
        CasePair(
            "a",
            "unet",
            Volume(reference, AFFINE),
            Volume(synthetic, AFFINE),
            mask if masked else None,
            unit,
            1.0,
        ),
        **changed,
    )


@pytest.fixture(scope="session")
def make_pair() -> Callable[..., CasePair]:
    """Make a pair that differs by noise of a size inside and outside the mask; the first slice has no mask."""
    return _make_pair


class Means(nn.Module):
    """Four features of an image: means of its quarters."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(images.mean(dim=1), 2).flatten(1) * self.weight


@pytest.fixture
def small_inception(monkeypatch: pytest.MonkeyPatch) -> type[nn.Module]:
    """Put a network of four features in the place of Inception, and return its class."""
    monkeypatch.setattr(fid.inception, "FEATURES", 4)
    monkeypatch.setattr(
        fid.inception, "pretrained_inception", lambda weights: FrozenNet(Means, weights, "Download it.")
    )
    return Means
