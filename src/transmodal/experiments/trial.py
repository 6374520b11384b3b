"""A trial: one training with its evaluation, gone on with after a stop."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.run import evaluate
from transmodal.evaluation.runs import TranslationOptions
from transmodal.evaluation.score import STANDARD
from transmodal.inference.passes import Passes
from transmodal.modalities import modality_of
from transmodal.nets.blocks import TranslateWith
from transmodal.recipes.load import changed
from transmodal.recipes.schema import Recipe
from transmodal.storage import files
from transmodal.training.planning.plan import Plan, plan
from transmodal.training.planning.start import check_start
from transmodal.training.run import Run
from transmodal.training.train import TrainResult, train

_LONGEST = 120
"""Bytes of a folder's name."""


class Trial(NamedTuple):
    """One training with its evaluation, as it travels to a process.

    Attributes:
        name: of the translator in the evaluation's tables.
        recipe: resolved.
        cohort: folder of a prepared cohort.
        folder: of the run; the evaluation is written into its folder `evaluation`.
        without: sources without which the run is scored once more.
        oracles: scored beside it.
        also: statistics of batch normalisation in further evaluations, instead of the recipe's.
        metrics: of the evaluations.
    """

    name: str
    recipe: Recipe
    cohort: Path
    folder: Path
    without: tuple[str, ...] = ()
    oracles: tuple[str, ...] = ()
    also: tuple[TranslateWith, ...] = ()
    metrics: tuple[str, ...] = STANDARD

    def evaluation(self, statistics: TranslateWith | None = None) -> Path:
        """Return the folder of the evaluation; of one in `also` where it is named."""
        return self.folder / (f"evaluation-{statistics}" if statistics else "evaluation")


def plan_row(trials: Sequence[Trial], cohort: Cohort) -> Plan:
    """Plan the trainings of one recipe with several seeds, so that they are refused before anything is trained.

    Weights that training starts from are needed until every seed has a checkpoint.

    Raises:
        UsageError, InputError, IntegrityError: as `training.planning.plan`.
        ResourceError: E404 for a device that is not there.
    """
    begins = not all(Run(trial.folder).is_saved for trial in trials)
    training_plan = plan(trials[0].recipe, cohort, begins=begins)
    check_start(training_plan)
    return training_plan


def train_trial(trial: Trial) -> TrainResult:
    """Train, or go on with an interrupted run; a run that is finished is not touched.

    Raises:
        TransmodalError: as `training.train.train`.
    """
    device = own_device(trial.recipe)
    recipe = trial.recipe if device is None else changed(trial.recipe, [f"training.device={device}"])
    return train(recipe, Cohort.open(trial.cohort), trial.folder)


def score_trial(trial: Trial, statistics: TranslateWith | None = None) -> Evaluation:
    """Evaluate a trained run on the test split and write it; a target without a unit is scored normalised.

    Args:
        trial: whose run is trained.
        statistics: of batch normalisation, instead of the recipe's.

    Raises:
        TransmodalError: as `evaluation.run.evaluate`.
    """
    task = trial.recipe.task
    request = EvaluationRequest(
        translation=TranslationOptions(
            device=own_device(trial.recipe),
            passes=Passes(translate_with=statistics),
            without=[source for source in trial.without if source in task.source],
        ),
        scoring=ScoringOptions(
            metrics=trial.metrics, oracles=trial.oracles, target_normalised=is_normalised(task.target)
        ),
    )
    return evaluate(
        {trial.name: trial.folder},
        Cohort.open(trial.cohort),
        request,
        output=trial.evaluation(statistics),
    )


def own_device(recipe: Recipe) -> str | None:
    """Return the GPU of this process where there are several and the recipe leaves it open; None for the recipe's own.

    The processes of a pool are numbered one after the other, so that they share the GPUs out evenly.
    """
    count = torch.cuda.device_count()
    number = multiprocessing.current_process().name.rpartition("-")[2]
    if recipe.training.device != "auto" or count < 2 or not number.isdigit():
        return None
    return f"cuda:{int(number) % count}"


def is_normalised(target: str) -> bool:
    """Return whether a target has no unit of its own, and is scaled by its own intensities before it is scored."""
    return not modality_of(target).unit


def slug(name: str) -> str:
    """Return a name as a folder can have it; one that is too long ends in 8 digits of its hash."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-")
    return plain if len(plain.encode()) <= _LONGEST else f"{plain[:40]}-{files.sha256_text(ascii(name))[:8]}"
