"""A run that has learned nothing translates as any run does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.inference.load import load
from transmodal.recipes.schema import Recipe
from transmodal.training.forecast.blank_run import write_blank_run
from transmodal.training.train import train


def test_it_holds_the_weights_that_training_begins_with(
    cohort: Cohort, tiny: Callable[..., Recipe], tmp_path: Path
) -> None:
    recipe = tiny(epochs=1, samples_per_epoch=4, players={"generator": {"lr": 1e-30}})
    blank = write_blank_run(recipe, cohort, tmp_path / "blank")
    train(recipe, cohort, tmp_path / "run")
    ours, theirs = (
        checkpoint.load(run / "checkpoints" / "best").weights for run in (blank.folder, tmp_path / "run")
    )
    assert all(ours[name].allclose(theirs[name]) for name in theirs)
    case = cohort.cases("test")[0]
    made = load(blank.folder, device="cpu").translate(case.volume("t1"))
    assert made.volume.voxels.shape == case.grid.shape
