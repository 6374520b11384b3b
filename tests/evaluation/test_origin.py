from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from transmodal import translators
from transmodal.evaluation import origin
from transmodal.inference.translate import Model
from transmodal.recipes import load

NAME = "t1-to-fa-small"


def _digest(*changes: str) -> str:
    return origin.recipe_digest(load.load(NAME, list(changes)))


@pytest.mark.parametrize("key", ["training.seed=7", "training.device=cuda", "training.workers=3"])
def test_the_seed_and_the_place_of_a_training_do_not_change_its_recipe(key: str) -> None:
    assert _digest(key) == _digest()


@pytest.mark.parametrize("key", ["training.epochs=77", "training.batch=1", "data.spacing_mm=3.5"])
def test_everything_else_does(key: str) -> None:
    assert _digest(key) != _digest()


def test_a_model_says_how_large_it_is() -> None:
    recipe = load.load(NAME)
    settings: dict[str, Any] = {"source_channels": [1]}
    model = SimpleNamespace(
        recipe=recipe, translator=translators.build(recipe.translator, settings), device="cpu"
    )
    found = origin.of(cast("Model", model))
    assert found["device"] == "cpu"
    assert found["recipe_sha256"] == _digest()
    assert 0 < found["parameters"] <= sum(one.numel() for one in model.translator.parameters())
