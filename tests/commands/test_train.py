"""`transmodal train`: words become changes of the recipe, and the end says what to do next."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import transmodal
from transmodal import cli
from transmodal.errors import UsageError
from transmodal.recipes import load
from transmodal.recipes.schema import Recipe
from transmodal.training import train as training


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """The recipes that training is called with, instead of training."""
    calls: list[Recipe] = []

    def train(recipe: Recipe, *_: object, **__: object) -> SimpleNamespace:
        calls.append(recipe)
        return SimpleNamespace(line=lambda: "trained", to_json=lambda: {"run": "out"})

    monkeypatch.setattr(training, "train", train)
    return calls


def test_words_become_changes_of_the_recipe(
    folders: Path, recipes: list[Recipe], capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        "train tiny.yaml --cohort cohort -o out --set training.epochs=7 --device cpu --precision bf16-mixed"
    )
    assert cli.run(words.split()) == 0
    (recipe,) = recipes
    assert (recipe.training.epochs, recipe.training.device, recipe.training.precision) == (
        7,
        "cpu",
        "bf16-mixed",
    )
    shown = capsys.readouterr().out
    assert shown == "trained\nTranslate with it: transmodal translate out IMAGE -o OUTPUT\n"
    assert cli.run([*words.split(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"run": "out"}


def test_python_takes_a_recipe_and_a_mapping(folders: Path, recipes: list[Recipe]) -> None:
    recipe = load.load("tiny.yaml")
    transmodal.train(recipe, "cohort", "out", changes={"training.epochs": 3}, processes=2)
    transmodal.train("tiny.yaml", "cohort", "out", changes=["training.epochs=3"], processes=2)
    assert recipes[0] == recipes[1]
    assert (recipes[0].training.epochs, recipes[0].training.processes) == (3, 2)
    with pytest.raises(UsageError):
        transmodal.train(recipe, "cohort", "out", changes={"training.epoch": 3})


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ("train tiny.yaml -o out", 2, "--cohort"),
        ("train tiny.yaml --cohort gone -o out", 3, "gone"),
        ("train no-such --cohort cohort -o out", 2, "no-such"),
        ("train tiny.yaml --cohort cohort -o out --set training.epoch=1", 2, "training.epochs"),
        ("train tiny.yaml --cohort cohort -o out --precision 8", 2, "precision"),
        ("train tiny.yaml --cohort cohort -o out --processes 0", 2, "--processes"),
    ],
)
def test_refusals(
    words: str, status: int, part: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(words.split()) == status
    error = capsys.readouterr().err
    assert error.startswith("error[E0" if status == 2 else "error[E1")
    assert part in error
    assert not Path("out").exists()
