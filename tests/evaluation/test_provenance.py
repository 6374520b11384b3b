from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from transmodal import translators
from transmodal.evaluation import provenance
from transmodal.inference.model import Model
from transmodal.recipes import load

NAME = "t1-to-fa-small"


def _digest(*changes: str) -> str:
    return provenance.recipe_digest(load.load(NAME, list(changes)))


@pytest.mark.parametrize(
    "key", ["training.seed=7", "training.device=cuda", "training.workers=3", "training.loggers=[mlflow]"]
)
def test_the_seed_and_the_place_of_a_training_do_not_change_its_recipe(key: str) -> None:
    assert _digest(key) == _digest()


@pytest.mark.parametrize("key", ["training.epochs=77", "training.batch=1", "data.spacing_mm=3.5"])
def test_everything_else_does(key: str) -> None:
    assert _digest(key) != _digest()


def _with(settings: dict[str, Any], weights: dict[str, str]) -> str:
    recipe = load.load(NAME).model_copy(update={"settings": settings})
    return provenance.recipe_digest(recipe, weights)


def test_what_a_file_of_weights_holds_counts_not_where_it_lies() -> None:
    here, there = (_with({"vgg": path}, {"vgg": "aa"}) for path in ("/here/vgg.pth", "/there/vgg.pth"))
    assert here == there
    assert _with({"vgg": "/here/vgg.pth"}, {"vgg": "bb"}) != here
    assert _with({"vgg": "random"}, {"vgg": "random:cc"}) == _with({"vgg": "random"}, {})


def test_to_ask_for_a_start_from_scratch_is_to_leave_it_out() -> None:
    scratch = _with({"backbone": None}, {"backbone": "from scratch"})
    assert scratch == _with({}, {"backbone": "from scratch"}) == _with({}, {})
    assert scratch != _with({"backbone": "resnet.npz"}, {"backbone": "aa"})


@pytest.mark.parametrize("name", load.names())
def test_a_recipe_without_weights_is_the_same_without_paths(name: str) -> None:
    recipe = load.load(name)
    assert load.dump(provenance.without_paths(recipe, {"backbone": "from scratch"})) == load.dump(recipe)


def test_a_model_says_how_large_it_is() -> None:
    recipe = load.load(NAME)
    settings: dict[str, Any] = {"source_channels": [1]}
    model = SimpleNamespace(
        recipe=recipe,
        translator=translators.build(recipe.translator, settings),
        device="cpu",
        provenance={},
        engine_name="torch",
    )
    found = provenance.describe_model(cast("Model", model))
    assert found["device"] == "cpu"
    assert found["recipe_sha256"] == _digest()
    assert 0 < found["parameters"] <= sum(one.numel() for one in model.translator.parameters())


@pytest.mark.parametrize(
    ("passes", "words"),
    [
        ({}, ""),
        ({"axes": ["x", "y", "z"], "fuse": "median"}, ""),
        ({"axes": ["z"], "fuse": "mean", "draws": 3}, "3 draws"),
        ({"axes": ["x", "z"], "fuse": "mean", "recipe": {"axes": ["z"], "fuse": "mean"}}, "axes x,z"),
        (
            {"axes": ["z"], "fuse": "median", "draws": 2, "recipe": {"axes": ["z"], "fuse": "mean"}},
            "fused by the median, 2 draws",
        ),
    ],
)
def test_what_differs_from_the_recipe_is_said(passes: dict[str, Any], words: str) -> None:
    assert provenance.describe_variant(passes) == words


def test_alignment_counts_where_it_is_set_and_older_hashes_hold() -> None:
    plain = load.load(NAME).model_dump(mode="json")["training"]
    assert plain["alignment"] is plain["misalignment"] is plain["mislabelling"] is None
    assert plain["paired_patients"] is None
    assert _digest("training.alignment.structure.weight=1") != _digest()
    assert _digest("training.paired_patients=2") != _digest()
    planes = "windows.axes=[x, y, z]"
    assert _digest(planes, "windows.plane_channels=true") != _digest(planes)
    # As it was before there were these keys.
    assert _digest() == "d0a8f1ab76a4fa593c535676f7ab63e2824e4862619747e51e4ebb01817b2e45"
