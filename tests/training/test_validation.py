"""Validation: the best checkpoint, and when a phase ends early."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorded_progress import RecordedProgress
from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.training import scoring
from transmodal.training.log import read
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


def last(run: Path) -> checkpoint.Checkpoint:
    return checkpoint.load(run / "checkpoints" / "last", optimizers=True)


def test_the_best_checkpoint_is_the_best(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    train(tiny(epochs=3, validate_every=2), cohort, run_folder)

    validations = {p.epoch: p.value for p in read(run_folder / "curves.csv") if p.name == "validation/mae"}
    best = checkpoint.load(run_folder / "checkpoints" / "best")
    assert set(validations) == {2, 3}
    assert best.state.best == min(validations.values())
    assert best.state.epoch == min(validations, key=lambda epoch: validations[epoch])
    assert best.optimizers == {}
    assert last(run_folder).state.finished
    assert not best.state.finished


def test_early_stopping_counts_validations(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([3.0, 2.0, 2.5, 2.0, 1.0])
    real = scoring.score_case

    def staged(*words: Any) -> tuple[dict[str, float], Any]:  # noqa: ANN401
        figures, synthetic = real(*words)
        return {**figures, "mae": values_now[0]}, synthetic

    values_now = [next(values)]
    heard = RecordedProgress()

    def say(line: str) -> None:
        heard.lines.append(line)
        if line.startswith("train "):  # one value per validation
            values_now[0] = next(values)

    monkeypatch.setattr(heard, "say", say)
    monkeypatch.setattr(scoring, "score_case", staged)

    result = train(
        tiny(epochs=9, samples_per_epoch=4, early_stopping={"patience": 2}),
        cohort,
        run_folder,
        progress=heard,
    )

    state = last(run_folder).state
    assert (result.best, result.steps) == (2.0, 4)
    assert (state.best_step, state.stale, state.phase_ended, state.finished) == (2, 2, True, True)
    assert heard.lines[-1].endswith("no better for 2 validations, stopping")
