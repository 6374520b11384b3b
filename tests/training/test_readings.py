"""Losses that are read later, as on an accelerator: the same curves and weights, and no checkpoint behind a NaN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.recipes.schema import Recipe
from transmodal.training import readings
from transmodal.training.step import to_numbers
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


class Stopper:
    """Raises when a step is told as complete; None lets all of them pass."""

    def __init__(self, step: int | None = None) -> None:
        self.step = step
        self.notes: list[str] = []

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        if stage == "train":
            self.notes.append(note)
            if completed == self.step:
                raise RuntimeError("bang")

    def say(self, line: str) -> None:
        pass


@pytest.fixture
def read_counts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let losses be read late; return how many steps were read at once, each time."""
    counts: list[int] = []

    def read(
        fabric: Fabric, rows: Sequence[Mapping[str, Tensor]], *, stop: bool
    ) -> tuple[list[dict[str, float]], bool]:
        counts.append(len(rows))
        return to_numbers(fabric, rows, stop=stop)

    monkeypatch.setattr(readings, "is_read_at_once", lambda device: False)
    monkeypatch.setattr(readings, "to_numbers", read)
    return counts


def last(run: Path) -> checkpoint.Checkpoint:
    return checkpoint.load(run / "checkpoints" / "last", optimizers=True)


def test_losses_are_read_where_a_point_is_due_and_are_the_same(
    tiny: Tiny, cohort: Cohort, tmp_path: Path, read_counts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny("pix2pix", samples_per_epoch=20)  # 5 steps an epoch, a point every 3
    late = Stopper()
    train(recipe, cohort, tmp_path / "late", progress=late)
    assert read_counts == [3, 2, 1, 3, 1]
    assert [note.count("loss") for note in late.notes] == [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]

    monkeypatch.setattr(readings, "is_read_at_once", lambda device: True)
    train(recipe, cohort, tmp_path / "at-once")
    assert read_counts[5:] == [1] * 10
    assert (tmp_path / "late/curves.csv").read_bytes() == (tmp_path / "at-once/curves.csv").read_bytes()
    weights, others = last(tmp_path / "late").weights, last(tmp_path / "at-once").weights
    assert all(weights[name].equal(others[name]) for name in weights)


def test_no_more_than_so_many_steps_stay_unread(
    tiny: Tiny, cohort: Cohort, run_folder: Path, read_counts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "MOST_UNREAD", 2)
    train(tiny(samples_per_epoch=20, epochs=1, log_every=100), cohort, run_folder)
    assert read_counts == [2, 2, 1]


def test_a_save_within_the_epoch_reads_first_and_goes_on_the_same(
    tiny: Tiny, cohort: Cohort, tmp_path: Path, read_counts: list[int]
) -> None:
    recipe = tiny(samples_per_epoch=20, epochs=1, log_every=100, checkpoint_minutes=1e-9)
    with pytest.raises(RuntimeError, match="bang"):
        train(recipe, cohort, tmp_path / "again", progress=Stopper(4))
    assert read_counts == [1] * 4  # a save is due after every step
    state = last(tmp_path / "again").state
    assert (state.step, state.sums["generator/l1"][1]) == (3, 3)

    train(recipe, cohort, tmp_path / "again")
    train(recipe, cohort, tmp_path / "whole")
    assert (tmp_path / "again/curves.csv").read_bytes() == (tmp_path / "whole/curves.csv").read_bytes()


@pytest.mark.usefixtures("read_counts")
def test_a_loss_that_is_not_finite_is_named_by_its_step_before_anything_is_saved(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    recipe = tiny(epochs=1, samples_per_epoch=20, log_every=4, players={"generator": {"lr": 1e30}})

    with pytest.raises(InputError, match=r"loss generator/l1 is (nan|inf) at step 2 ") as caught:
        train(recipe, cohort, run_folder)

    assert caught.value.code == "E120"
    assert not (run_folder / "checkpoints" / "last").exists()


def test_losses_on_the_cpu_are_read_at_once() -> None:
    assert readings.is_read_at_once(torch.device("cpu"))
    assert not readings.is_read_at_once(torch.device("cuda"))
