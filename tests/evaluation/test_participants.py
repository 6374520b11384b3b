"""Participants say where their training windows are exceeded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from transmodal import translators
from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation.participants import ModelTranslator, exceeds_training_window
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


def test_cases_whose_slices_need_larger_windows_are_counted() -> None:
    """A grid of 1 mm is seen at 2 mm: 34 voxels need 17, and windows of 20."""
    fits, larger = (32, 24, 90), (34, 20, 10)
    one = ModelTranslator("slices", model({"axes": ["z"]}))
    (note,) = exceeds_training_window([one], cases(fits, larger, fits))
    assert note.startswith("slices: slices of 1 of 3 cases are larger than its windows in training, 16 x 12")
    assert exceeds_training_window([one], cases(fits)) == []
    across = ModelTranslator("x", model({"axes": ["z"]}).with_axes(("x",)))
    assert len(exceeds_training_window([across], cases(fits))) == 1  # 12 x 45


@pytest.mark.parametrize(
    ("windows", "learned"),
    [({"axes": ["z"], "size": [8, 8]}, (16, 12)), (PATCHES, None), ({"axes": ["z"]}, None)],
    ids=["the recipe crops", "patches", "not known"],
)
def test_nothing_is_said_where_windows_did_not_follow_from_the_cases(
    windows: dict[str, Any], learned: tuple[int, int] | None
) -> None:
    assert (
        exceeds_training_window([ModelTranslator("one", model(windows, learned))], cases((80, 80, 80))) == []
    )
