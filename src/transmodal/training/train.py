"""Train by a recipe: once, or on from where an interrupted run stopped, to the same weights."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.counts import counted
from transmodal.errors import IntegrityError
from transmodal.exporting import card
from transmodal.progress import Progress, Silent
from transmodal.recipes.schema import Recipe
from transmodal.storage import outputs
from transmodal.training.launch import is_first, launch, raise_signal
from transmodal.training.planning.memory import ADVICE, estimate_training
from transmodal.training.planning.needs import Needs
from transmodal.training.planning.plan import plan
from transmodal.training.planning.start import check_start
from transmodal.training.process import train_in_process
from transmodal.training.run import Run, check_started, open_run
from transmodal.training.session import Assignment


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The result of a training.

    Attributes:
        run: the run's folder.
        steps: steps that the run has in all.
        metric: the primary metric.
        best: its best value over the validation cases; None without any.
        seconds: how long this call took.
        was_finished: whether there was nothing left to do.
    """

    run: Path
    steps: int
    metric: str
    best: float | None
    seconds: float
    was_finished: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "run": str(self.run),
            "steps": self.steps,
            "metric": self.metric,
            "best": self.best,
            "seconds": round(self.seconds, 1),
            "was_finished": self.was_finished,
        }

    def line(self) -> str:
        """Return it in one line."""
        best = "" if self.best is None else f", best validation {self.metric} {self.best:.4g}"
        if self.was_finished:
            return f"{self.run}: finished before, nothing to do ({counted(self.steps, 'step')}{best})"
        return f"{self.run}: trained {counted(self.steps, 'step')} in {self.seconds / 60:.1f} minutes{best}"


def train(
    recipe: Recipe, cohort: Cohort, run: Path, *, progress: Progress | None = None, start: Path | None = None
) -> TrainResult:
    """Train by a recipe on a cohort, or go on with a run that was interrupted.

    Args:
        recipe: resolved.
        cohort: prepared.
        run: folder to write, or to continue.
        progress: told of steps and validations.
        start: run whose best weights training starts from, with new optimisers; a run that goes on has started.

    Raises:
        UsageError: E005 when the folder is of another recipe or cohort, or did not start from a run, and as `plan`.
        InputError: E120 when a loss or a weight is not finite, and as `plan`.
        ResourceError: E402 when memory does not suffice, by an estimate before anything is written or later, E404 for a device that is not there.
        IntegrityError: E501 or E502 when the run is finished and its last checkpoint is damaged.
        KeyboardInterrupt: on SIGINT, once everything is saved; SystemExit likewise on SIGTERM.
    """
    began = time.monotonic()
    folder = Path(run)
    outputs.check_folder(folder)
    begins = not Run(folder).is_saved
    if start is not None and not begins:
        check_started(Run(folder))
    training_plan = plan(recipe, cohort, begins=begins, start=start)
    work = check_start(training_plan)
    before = checkpoint.peek(Run(folder).last)
    if before is None or not before.finished:
        estimate = estimate_training(training_plan)
        estimate.check("this training", ADVICE)
        for line in Needs(training_plan, work, estimate).lines(folder):
            (progress or Silent()).say(line)
    opened = open_run(folder, training_plan.recipe, training_plan.cohort, training_plan.summary())
    metric = training_plan.recipe.evaluation.primary
    if before is not None and before.finished:
        _check_finished(opened)
        if is_first() and not (folder / card.FILE).exists():  # killed behind the last checkpoint
            card.refresh(folder)
        return TrainResult(folder, before.step, metric, before.best, 0.0, was_finished=True)
    assignment = Assignment(training_plan, opened)
    state, signal = launch(training_plan.recipe.training, train_in_process, assignment, progress or Silent())
    if signal is not None:
        raise_signal(signal)
    if is_first():
        card.refresh(folder)
    return TrainResult(folder, state.step, metric, state.best, time.monotonic() - began)


def _check_finished(run: Run) -> None:
    """Hold a finished run's last checkpoint against its hashes, and say how to mend one that is damaged.

    Raises:
        IntegrityError: E501 or E502 when it is damaged.
    """
    try:
        checkpoint.verify(run.last)
    except IntegrityError as error:
        raise IntegrityError(
            error.code, f"the run is finished, but {error.got}", error.expected, _mending(run)
        ) from error


def _mending(run: Run) -> str:
    """Return how a finished run's last checkpoint can be had again."""
    earlier = checkpoint.previous(run.last)
    advice = "Copy it again from where the run was stored"
    if checkpoint.is_whole(earlier):
        advice += (
            f", or remove {run.last} and train again: the run goes on from {earlier.name}, which is whole"
        )
    elif not checkpoint.is_whole(run.best):
        advice += ", or train again in another folder"
    if checkpoint.is_whole(run.best):
        advice += "; the best checkpoint is whole and can be used"
    return f"{advice}."
