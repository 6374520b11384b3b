"""`transmodal recipes`: the library is listed, or a recipe is shown as one that can be trained with."""

from __future__ import annotations

import json

import pytest

from transmodal import cli
from transmodal.recipes import load


def test_every_recipe_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(load.names())
    (line,) = [line for line in lines if line.startswith("t1-to-fa-small ")]
    assert line.split()[1:4] == ["t1", "->", "fa"]


def test_json_tells_sources_target_and_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["recipes", "--json"]) == 0
    recipes = json.loads(capsys.readouterr().out)["recipes"]
    assert list(recipes) == list(load.names())
    assert recipes["t1-to-fa-small"] | {"paper": ""} == {
        "translator": load.load("t1-to-fa-small").translator,
        "source": ["t1"],
        "target": "fa",
        "paper": "",
    }


def test_a_shown_recipe_is_one_again(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = load.load("t1-to-fa-small")
    assert cli.run(["recipes", "t1-to-fa-small"]) == 0
    assert capsys.readouterr().out == load.dump(recipe).rstrip() + "\n"
    assert cli.run(["recipes", "t1-to-fa-small", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == recipe.model_dump(mode="json")


def test_another_name_is_refused_with_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["recipes", "t1-to-fa-smal"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error[E002]")
    assert "t1-to-fa-small" in error
