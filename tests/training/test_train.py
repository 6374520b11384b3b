"""Training by a recipe: the run that it leaves, and what decides its weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from recorded_progress import RecordedProgress
from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.commands.train import train as train_command
from transmodal.errors import UsageError
from transmodal.inference.load import load
from transmodal.recipes.schema import Recipe
from transmodal.training.log import read
from transmodal.training.planning.plan import plan
from transmodal.training.train import train
from transmodal.translators.unet_regression.translator import UNetRegression
from transmodal.volumes import Volume

Tiny = Callable[..., Recipe]


def last(run: Path) -> checkpoint.Checkpoint:
    return checkpoint.load(run / "checkpoints" / "last", optimizers=True)


def test_training_learns_and_leaves_a_run(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    heard = RecordedProgress()
    recipe = tiny(epochs=6, players={"generator": {"lr": 0.01, "schedule": "one_cycle"}})

    result = train(recipe, cohort, run_folder, progress=heard)

    points = read(run_folder / "curves.csv")
    maes = [point.value for point in points if point.name == "validation/mae"]
    assert result.best == min(maes)
    assert result.best < 0.75 * maes[0]
    assert result.steps == 6 * 18
    assert [call[1] for call in heard.calls if call[0] == "train"] == list(range(1, 109))
    assert {call[2] for call in heard.calls if call[0] == "train"} == {108}
    assert [call[1:3] for call in heard.calls if call[0] == "validate"] == [(1, 2), (2, 2)] * 6
    assert [line.partition(":")[0] for line in heard.lines[:5]] == [
        "memory",
        "training",
        "device",
        "disk",
        "time",
    ]
    assert " for the 95 steps of train that are left, " in heard.lines[4]
    assert len(heard.lines) == 5 + 6
    assert "(best)" in heard.lines[5]
    assert "trained 108 steps" in result.line()
    assert {path.name for path in (run_folder / "checkpoints").iterdir()} == {"last", "last.previous", "best"}
    names = {point.name for point in points}
    assert {"loss/generator/l1", "loss/generator/ssim", "lr/generator", "validation/psnr"} <= names
    assert [point.step for point in points if point.name == "lr/generator"] == list(range(3, 109, 3))


def test_translating_takes_no_smaller_windows_than_training(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statistics and positions depend on the padding around a slice: what a network learned with, it is given."""
    train(tiny(epochs=1, samples_per_epoch=4), cohort, run_folder)
    assert plan(tiny(), cohort).stream.cutting.size == (20, 20)
    seen: list[tuple[int, ...]] = []
    forward = UNetRegression.forward

    def watched(self: UNetRegression, source: Tensor, *rest: Any, **more: Any) -> Tensor:  # noqa: ANN401
        seen.append(tuple(source.shape[2:]))
        return forward(self, source, *rest, **more)

    monkeypatch.setattr(UNetRegression, "forward", watched)
    for shape, sides in {(9, 8, 3): (20, 20), (33, 9, 2): (36, 20)}.items():
        seen.clear()
        made = load(run_folder, device="cpu").translate(
            Volume(np.ones(shape, np.float32), np.eye(4)), axes=("z",)
        )
        assert set(seen) == {sides}
        assert made.volume.voxels.shape == shape
        assert made.record["windows"] == {"kind": "slice", "size": [20, 20]}
        larger = [
            note for note in made.record["notes"] if "larger than the windows of training, 20 x 20" in note
        ]
        assert len(larger) == (sides != (20, 20))


def test_without_validation_cases_there_is_a_last_checkpoint(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any], run_folder: Path
) -> None:
    blind = make_cohort([phantom(n) for n in range(2)], (1, 0, 1))

    result = train(tiny(epochs=1), blind, run_folder)

    assert result.best is None
    assert "best" not in result.line()
    assert last(run_folder).state.finished
    assert not (run_folder / "checkpoints" / "best").exists()


def test_what_the_caller_asks_for_is_checked_and_recorded(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    with pytest.raises(UsageError, match=r"training\.precision"):
        train_command(tiny(), cohort, run_folder, precision="8-bit")
    with pytest.raises(UsageError, match="does not divide"):
        train_command(tiny(), cohort, run_folder, processes=3)
    recipe = tiny(samples_per_epoch=4, epochs=1)
    train_command(recipe, cohort, run_folder, precision="bf16-mixed", device="cpu")

    assert last(run_folder).recipe.training.precision == "bf16-mixed"


def test_building_and_training_leave_the_global_numbers_alone(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    train(tiny(epochs=1, samples_per_epoch=4), cohort, run_folder)

    assert torch.random.get_rng_state().equal(before)


def test_the_seed_decides_the_weights(tiny: Tiny, cohort: Cohort, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(tiny(epochs=1, samples_per_epoch=4, seed=seed), cohort, tmp_path / name)
    a, b, c = (last(tmp_path / name).weights for name in "abc")

    assert all(a[key].equal(b[key]) for key in a)
    assert any(not a[key].equal(c[key]) for key in a)
