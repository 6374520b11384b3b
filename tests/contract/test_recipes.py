"""Every recipe that is shipped finds itself here: it validates, is short, and runs two steps in small."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from phantoms import Images, Phantom, Place
from transmodal import checkpoint, translators
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.recipes import load
from transmodal.recipes.schema import Recipe
from transmodal.training.optimizers import Moment, factor
from transmodal.training.planning.plan import plan
from transmodal.training.train import train
from transmodal.translators._base import TranslatorConfig

RECIPES = load.names()
SHAPE = (20, 24, 18)
SIDE = 64


@dataclass(frozen=True)
class Everything(Phantom):
    """A case with every modality that a shipped recipe names, each a function of the same anatomy."""

    shape = (20, 24, 18)
    spacing_mm = (3.0, 3.0, 3.0)

    def images(self, place: Place) -> Images:
        head = place.head()
        inside = np.where(head, 1 + 0.5 * np.sin(4 * place.i + self.number) * np.cos(3 * place.j), 0)
        values = {
            "colour": np.clip(np.stack([80 * inside, 60 * inside, 50 * inside], axis=-1), 0, 255).astype(
                np.uint8
            ),
            "ct": (900 * inside - 1000).astype(np.int16),
            "fa": (0.5 * inside).astype(np.float32),
        }
        for n, name in enumerate(sorted(wanted())):
            values.setdefault(name, (300 * inside ** (1 + 0.2 * n) + 5).astype(np.float32))
        labels = (head * (1 + (place.i > 0))).astype(np.int16)
        return Images({name: values[name] for name in sorted(wanted())}, head.astype(np.uint8), labels)


@cache
def wanted() -> set[str]:
    tasks = [load.load(name).task for name in RECIPES]
    return {modality for task in tasks for modality in (*task.source, task.target)}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    firsts = {load.load(name).task.source[0] for name in RECIPES} - {"colour"}
    options = PrepareOptions(regions=dict.fromkeys(firsts, ("body",)), counts=(2, 1, 1))
    return prepare([Everything(n) for n in range(4)], tmp_path_factory.mktemp("cohort"), options)


def tiny(translator: str) -> dict[str, Any]:
    """Return `TINY` of a translator's own tests: no weights' file, few parameters."""
    own = Path(__file__).parents[1] / "translators" / f"test_{translator}.py"
    spec = importlib.util.spec_from_file_location(f"settings_of_{translator}", own)
    assert spec is not None, translator
    assert spec.loader is not None, translator
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    derived = set(TranslatorConfig.model_fields) - {"width"}
    return {name: value for name, value in module.TINY.items() if name not in derived}


def in_small(recipe: Recipe) -> Recipe:
    """Return the recipe with a tiny network and 64 x 64, for two steps of two windows."""
    settings = {**recipe.settings, **tiny(recipe.translator)}
    changes = [
        f"settings={json.dumps(settings)}",
        "training.epochs=1",
        "training.phases={}",
        "training.batch=2",
        "training.samples_per_epoch=4",
        "training.device=cpu",
        "training.processes=1",
        "training.workers=0",
        "training.early_stopping=null",
    ]
    if recipe.data.region in ("brain", "around_brain"):  # there is none in the phantom
        changes.append("data.region=body")
    if recipe.windows.size is not None:
        sides = [24, 24, 24] if recipe.windows.kind == "patch" else [SIDE, SIDE]
        changes.append(f"windows.size={sides}")
    return load.load(load.LIBRARY / f"{recipe.name}.yaml", changes)


def test_there_are_recipes() -> None:
    assert {"pix2pix", "t1-to-fa-small", "t1-to-fa-pix2pix-small"} <= set(RECIPES)
    assert {"t1-to-t2-small", "flair-to-t2-small", "mr-to-ct-small"} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_it_validates_and_is_short(name: str) -> None:
    recipe = load.load(name)

    assert recipe.name == name
    assert recipe.translator in translators.names()
    assert len((load.LIBRARY / f"{name}.yaml").read_text().splitlines()) <= 25


@pytest.mark.parametrize("name", RECIPES)
def test_it_names_every_player_of_its_translator(name: str, cohort: Cohort) -> None:
    planned = plan(in_small(load.load(name)), cohort)

    named = set(load.load(name).training.players)
    assert {player for phase in planned.phases for player in phase.players} == named


@pytest.mark.parametrize("name", RECIPES)
def test_it_runs_two_steps(name: str, cohort: Cohort, tmp_path: Path) -> None:
    recipe = in_small(load.load(name))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        result = train(recipe, cohort, tmp_path / "run")
    finally:
        torch.set_num_threads(threads)

    saved = checkpoint.load(tmp_path / "run" / "checkpoints" / "best")
    assert result.steps == 2 * len(plan(recipe, cohort).phases)
    assert result.best is not None
    assert np.isfinite(result.best)
    assert sum(weights.numel() for weights in saved.weights.values()) < 1_000_000
    assert all(torch.isfinite(weights).all() for weights in saved.weights.values())


def test_pix2pix_has_the_papers_settings() -> None:
    recipe = load.load("pix2pix")
    config = translators.config_of("pix2pix").model_validate(recipe.settings)

    assert recipe.windows.size == (256, 256)
    assert recipe.windows.fit == "keep"
    assert (recipe.training.epochs, recipe.training.batch) == (200, 1)
    assert config.width == 64
    for player in ("generator", "discriminator"):
        settings = recipe.training.players[player]
        assert (settings.optimizer, settings.lr, settings.betas) == ("adam", 2e-4, (0.5, 0.999))
        rates = [factor(settings.schedule, Moment(epoch, 200, 0, 1)) for epoch in (0, 99, 100, 199)]
        assert rates == pytest.approx([1, 1, 100 / 101, 1 / 101])
