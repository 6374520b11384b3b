"""Small models for tests of what evaluation asks of runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch

from transmodal import translators
from transmodal.cohorts.store import PreparedCase
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import build_preprocessing
from transmodal.recipes.schema import Recipe
from transmodal.volumes import Grid
from transmodal.volumes.intensity import IntensitySpec, fit

PATCHES = {"kind": "patch", "size": [8, 8, 8]}


def model(windows: dict[str, Any], learned: tuple[int, int] | None = (16, 12)) -> Model:
    """A U-Net at 2 mm that learned from windows of 16 x 12."""
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "translator": "unet_regression",
            "task": {"source": ["t1"], "target": "fa"},
            "data": {"spacing_mm": 2.0},
            "windows": windows,
            "training": {"epochs": 1, "batch": 1, "players": {}},
        }
    )
    dims = 3 if windows.get("kind") == "patch" else 2
    settings = {"width": 2, "levels": 2, "source_channels": (1,), "spatial_dims": dims}
    translator = translators.build("unet_regression", settings)
    target_map = fit(IntensitySpec("window", 0, 1), np.zeros((1, 1, 1)))
    preprocessing = build_preprocessing(recipe, translator, target_map, learned=learned)
    return Model(translator, recipe, preprocessing, "0" * 64, {}, torch.device("cpu"))


def cases(*shapes: tuple[int, int, int]) -> list[PreparedCase]:
    return [cast("PreparedCase", SimpleNamespace(grid=Grid(shape, np.eye(4)))) for shape in shapes]
