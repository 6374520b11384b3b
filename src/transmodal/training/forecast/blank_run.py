"""A run that has learned nothing: the networks of a recipe as they begin, to time what a trained run is going to take."""

from __future__ import annotations

from pathlib import Path

from lightning_fabric import Fabric

from transmodal.cohorts.store import Cohort
from transmodal.progress import Progress, Silent
from transmodal.recipes.schema import Recipe
from transmodal.training.launch import Stop, launch
from transmodal.training.planning.plan import plan
from transmodal.training.run import Run, open_run
from transmodal.training.saving import save_best
from transmodal.training.session import Assignment, open_session


def write_blank_run(recipe: Recipe, cohort: Cohort, folder: Path) -> Run:
    """Write a run whose best checkpoint holds the weights that a training begins with.

    Args:
        recipe: resolved.
        cohort: that it would learn from.
        folder: of the run.

    Raises:
        UsageError, InputError: as `planning.plan.plan`.
        ResourceError: E403 when nothing can be written, E404 for a device that is not there.
    """
    settings = recipe.training.model_copy(update={"processes": 1})
    training_plan = plan(recipe.model_copy(update={"training": settings}), cohort)
    run = open_run(folder, training_plan.recipe, training_plan.cohort, training_plan.summary())
    launch(settings, _save, Assignment(training_plan, run), Silent())
    return run


def _save(fabric: Fabric, assignment: Assignment, progress: Progress, stop: Stop) -> None:
    save_best(open_session(fabric, assignment, progress, stop, None), 0)
