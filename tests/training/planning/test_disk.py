"""Disk: the estimate beside the folder that a training writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.disk import estimate_disk, free_at, size
from transmodal.training.planning.plan import plan
from transmodal.training.planning.start import check_start
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


def bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("translator", "settings", "training"),
    [
        ("unet_regression", {"width": 16, "levels": 3}, {}),
        ("pix2pix", {"width": 8, "levels": 3, "discriminator_layers": 1}, {}),
        ("unet_regression", {"width": 16, "levels": 3}, {"players": {"generator": {"optimizer": "sgd"}}}),
        ("unet_regression", {"width": 8, "levels": 2}, {"alignment": {"registration": {"width": 16}}}),
    ],
)
def test_checkpoints_take_what_was_told(
    tiny: Tiny,
    cohort: Cohort,
    run_folder: Path,
    translator: str,
    settings: dict[str, Any],
    training: dict[str, Any],
) -> None:
    recipe = tiny(
        translator, changes={"settings": settings}, samples_per_epoch=8, epochs=2, batch=4, **training
    )
    training_plan = plan(recipe, cohort)
    told = estimate_disk(training_plan, check_start(training_plan))
    train(recipe, cohort, run_folder)
    checkpoints = run_folder / "checkpoints"
    assert told.last == pytest.approx(bytes_of(checkpoints / "last"), rel=0.15)
    assert told.best == pytest.approx(bytes_of(checkpoints / "best"), rel=0.2)
    assert told.run == pytest.approx(bytes_of(run_folder), rel=0.2)
    assert told.peak == told.run + told.last


def test_without_validation_there_is_no_best_one(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    training_plan = plan(tiny(), make_cohort([phantom(n) for n in range(2)], (1, 0, 1)))
    told = estimate_disk(training_plan, check_start(training_plan))
    assert (told.best, told.pictures) == (0, 0)


def test_sizes_in_words(tmp_path: Path) -> None:
    assert [size(n) for n in (900, 14_200_000, 3.21e9)] == ["0.9 kB", "14.2 MB", "3.21 GB"]
    assert free_at(tmp_path / "not" / "there") > 0
