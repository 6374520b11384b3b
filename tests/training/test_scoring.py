"""Figures and pictures of validation cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.training import scoring
from transmodal.training.log import read
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


def last(run: Path) -> checkpoint.Checkpoint:
    return checkpoint.load(run / "checkpoints" / "last", optimizers=True)


def test_pictures_show_source_synthetic_and_target(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    train(tiny(epochs=1), cohort, run_folder)

    with Image.open(run_folder / "samples" / "train-epoch-0001.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape[0] % 3 == 0
    source, synthetic, target = np.split(pixels, 3)
    assert source.std() > 10
    assert target.std() > 10
    assert not np.array_equal(synthetic, target)


def test_colour_is_pictured_and_scored(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any], run_folder: Path
) -> None:
    coloured = make_cohort([phantom(n, colour=True) for n in range(3)], (1, 1, 1))
    recipe = tiny(changes={"task": {"source": ["t1"], "target": "colour"}}, epochs=1)

    assert train(recipe, coloured, run_folder).best is not None
    with Image.open(run_folder / "samples" / "train-epoch-0001.png") as image:
        assert image.mode == "RGB"


def test_an_mr_target_is_judged_in_reference_units(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    task = {"source": ["t1"], "target": "t2"}
    result = train(tiny(changes={"task": task}, epochs=1), cohort, run_folder)
    target_map = last(run_folder).target_map

    assert target_map.low is not None
    assert target_map.high is not None
    assert result.best is not None
    assert 0 < result.best < target_map.high - target_map.low


def test_z_scores_have_the_primary_metric_alone(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    changes = {
        "task": {"source": ["t1"], "target": "t2"},
        "data": {"intensity": {"t2": {"method": "zscore"}}},
    }
    train(tiny(changes=changes, epochs=1), cohort, run_folder)

    names = {point.name for point in read(run_folder / "curves.csv") if point.name.startswith("validation")}
    assert names == {"validation/mae"}


def test_without_a_mask_everything_is_judged(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any], run_folder: Path
) -> None:
    bare = make_cohort([phantom(n, with_mask=False) for n in range(3)], (1, 1, 1))

    assert train(tiny(epochs=1), bare, run_folder).best is not None


def test_a_mean_is_finite_or_nothing() -> None:
    assert scoring.mean([1.0, 2.0]) == 1.5
    assert scoring.mean([1.0, float("inf")]) > 1e300
    assert np.isnan(scoring.mean([1.0, float("nan")]))
