"""The cycle error: 0 where a source returns as it was, its own offset where it does not, and only inside the region."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from transmodal import translators
from transmodal.errors import UsageError
from transmodal.evaluation.unpaired.cycle import cycle_error
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import build_preprocessing, preprocess
from transmodal.recipes.load import validate
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

SETTINGS: dict[str, dict[str, Any]] = {
    "cyclegan": {"width": 2, "blocks": 1, "discriminator_layers": 1},
    "unet_regression": {"width": 2, "levels": 2},
}


def model(name: str) -> Model:
    recipe = validate(
        {
            "name": "tiny",
            "translator": name,
            "task": {"source": ["t1"], "target": "fa"},
            "windows": {"axes": ["z", "x"]},
            "data": {"region": "whole", "intensity": {"t1": {"method": "minmax"}}},
            "settings": SETTINGS[name],
            "training": {"epochs": 1, "batch": 1},
            "translation": {"batch": 3},
        },
        "tiny",
    )
    translator = translators.build(name, SETTINGS[name]).eval()
    preprocessing = build_preprocessing(
        recipe, translator, fit(IntensitySpec("window", 0, 1), np.zeros((1, 1, 1)))
    )
    return Model(translator, recipe, preprocessing, "0" * 64, {}, torch.device("cpu"))


def source() -> Volume:
    return Volume(np.random.default_rng(4).random((8, 6, 5), dtype=np.float32), np.eye(4))


@pytest.mark.parametrize(("offset", "expected"), [(0.0, 0.0), (0.5, 0.25)])
def test_it_is_the_mean_difference_in_shares_of_the_range(
    offset: float, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = model("cyclegan")

    def cycle(source: Tensor, available: Tensor) -> Tensor:
        returned = source + offset
        returned[source == -1] = 9.0  # outside the region, and the darkest voxel: not looked at
        return returned

    monkeypatch.setattr(trained.translator, "cycle", cycle)
    preprocessed = preprocess(trained.preprocessing, {"t1": source()})
    assert cycle_error(trained, preprocessed) == pytest.approx(expected, abs=1e-6)


def test_a_translator_without_a_way_back_has_none() -> None:
    trained = model("unet_regression")
    assert not trained.has_way_back
    assert model("cyclegan").has_way_back
    with pytest.raises(UsageError, match="no way back") as refused:
        cycle_error(trained, preprocess(trained.preprocessing, {"t1": source()}))
    assert refused.value.code == "E004"
