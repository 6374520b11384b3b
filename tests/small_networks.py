"""Networks small enough to be written as graphs in tests, and windows for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal import translators
from transmodal.inference.engines.torch import TorchEngine
from transmodal.translators._base import Translator

CPU = torch.device("cpu")

Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]

GRAPHS: dict[str, dict[str, Any]] = {
    "colorization": {"width": 4},
    "cyclegan": {"width": 4},
    "macro2micro": {"width": 4},
    "pix2pix": {"width": 4, "levels": 4},
    "resvit": {"width": 4, "depth": 1, "channels": 8, "heads": 2, "blocks": 6, "transformer_blocks": (0, 5)},
    "transunet": {"width": 4, "depth": 1, "channels": 8, "heads": 2},
    "unet_regression": {"width": 8, "levels": 2},
}
"""Translators that the engines compute; the others are left to torch."""


def build(name: str = "unet_regression", **settings: Any) -> Translator[Any]:  # noqa: ANN401
    torch.manual_seed(0)
    return translators.build(name, {**GRAPHS.get(name, {}), **settings}).eval()


def windows(translator: Translator[Any], count: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    config, side = translator.config, max(32, translator.size_multiple())
    shape = (count, config.in_channels, *[side] * config.spatial_dims)
    source = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
    return source, np.ones((count, len(config.source_channels)), np.float32), np.arange(count)


class ChangedEngine:
    """Torch with a change to what comes out."""

    def __init__(self, engine: TorchEngine, change: Change) -> None:
        self.engine, self.change, self.sizes = engine, change, list[int]()

    def infer(
        self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        self.sizes.append(len(source))
        return self.change(self.engine.infer(source, available, noise))
