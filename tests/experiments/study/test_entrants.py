"""Runs of a study: folders and recipes are told apart, rows are named, and runs are described by hash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.entrants import (
    describe,
    name_rows,
    plan_trials,
    read_entrants,
    tell_apart,
    train_entrants,
)
from transmodal.recipes.load import changed, load

RUN = Path(__file__).parents[2] / "contract" / "earlier" / "run"


def test_runs_and_recipes_are_told_apart(recipe: Path, tmp_path: Path) -> None:
    assert tell_apart([RUN, str(recipe), "t1-to-fa-small"]) == ((RUN,), (str(recipe), "t1-to-fa-small"))
    with pytest.raises(InputError, match=r"without run\.json"):
        tell_apart([tmp_path])
    with pytest.raises(UsageError, match="t1-to-fa-smal"):
        tell_apart(["t1-to-fa-smal"])


def test_a_run_of_an_earlier_version_is_read_and_described() -> None:
    entrant = read_entrants([RUN])[0]
    assert entrant.row == entrant.recipe.translator
    model = describe(entrant)
    assert (model.recipe, model.seed) == (entrant.recipe.name, entrant.seed)
    assert len(model.recipe_sha256) == len(model.weights_sha256) == 64


def test_recipes_are_trained_once_and_their_seeds_share_a_row(
    recipe: Path, cohort: Path, tmp_path: Path
) -> None:
    wide = tmp_path / "wide.yaml"
    wide.write_text(recipe.read_text().replace("width: 4", "width: 5").replace("name: tiny", "name: wide"))
    trials = plan_trials([str(recipe), str(wide)], ["training.batch=1"], [1, 2], cohort, tmp_path / "runs")
    assert list(trials) == ["tiny, seed 1", "wide, seed 1", "tiny, seed 2", "wide, seed 2"]
    assert all(trial.recipe.training.batch == 1 for trial in trials.values())
    folders = train_entrants(trials, Cohort.open(cohort))
    entrants = read_entrants(list(folders.values()))
    assert [entrant.label for entrant in entrants] == [
        "unet_regression, seed 1",
        "unet_regression, seed 2",
        "unet_regression (wide), seed 1",
        "unet_regression (wide), seed 2",
    ]
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("weights.safetensors")}
    train_entrants(trials, Cohort.open(cohort))
    assert {path: path.stat().st_mtime_ns for path in written} == written

    copy = tmp_path / "copy"
    shutil.copytree(folders["tiny, seed 1"], copy)
    with pytest.raises(UsageError, match="two runs of"):
        read_entrants([copy, folders["tiny, seed 1"]])


def test_rows_of_changed_recipes_are_called_by_what_was_changed() -> None:
    base, other = load("t1-to-t2-pix2pix-small", ["windows.axes=[x, z]"]), load("t1-to-fa-pix2pix-small")
    changes = (
        ["training.seed=1"],
        ["training.seed=2"],
        ["windows.plane_channels=true"],
        ["training.batch=1", "training.epochs=1", "training.validate_every=1"],
        ["training.batch=1", "training.epochs=1", "training.validate_every=3"],
    )
    recipes = [*(changed(base, words) for words in changes), other]
    entrants = [
        Entrant("", Path(f"runs/{number}/seed-1"), recipe, "") for number, recipe in enumerate(recipes)
    ]
    assert name_rows(entrants) == [
        "pix2pix",
        "pix2pix",
        "pix2pix (windows.plane_channels=true)",
        "pix2pix (seed-1)",
        "runs/4/seed-1",
        "pix2pix (t1-to-fa-pix2pix-small)",
    ]


def test_a_run_without_checkpoint_is_refused(tmp_path: Path) -> None:
    shutil.copytree(RUN, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(InputError, match="without checkpoint"):
        read_entrants([tmp_path / "run"])
    assert load(tmp_path / "run" / "recipe.yaml").name
