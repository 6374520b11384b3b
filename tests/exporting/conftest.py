"""A small model that graphs are written of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

import small_models
from transmodal.inference.model import Model


@pytest.fixture
def small() -> Callable[..., Model]:
    """Return a function that makes an untrained U-Net of FA at 16 mm, of slices unless other windows are asked for."""

    def build(windows: dict[str, Any] | None = None, learned: tuple[int, int] | None = (16, 16)) -> Model:
        torch.manual_seed(3)
        model = small_models.model(windows or {}, learned)
        model.translator.eval()
        preprocessing = replace(model.preprocessing, spacing_mm=16.0)
        return replace(model, preprocessing=preprocessing)

    return build
