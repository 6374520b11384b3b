"""Several trainings, each with its evaluation: one after another or several at once, gone on with after a stop."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple, TypeVar

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
from transmodal.training.train import TrainResult, train

Key = TypeVar("Key", bound=Hashable)
Work = TypeVar("Work")
Result = TypeVar("Result")


class Job(NamedTuple):
    """One training with its evaluation, as it travels to a process.

    Attributes:
        name: of the translator in the evaluation's tables.
        recipe: resolved.
        cohort: folder of a prepared cohort.
        folder: of the run; the evaluation is written into its folder `evaluation`.
        without: sources without which the run is scored once more.
        oracles: scored beside it.
        also: what batch normalisation takes in further evaluations, instead of what the recipe says.
        metrics: that are taken.
    """

    name: str
    recipe: Recipe
    cohort: Path
    folder: Path
    without: tuple[str, ...] = ()
    oracles: tuple[str, ...] = ()
    also: tuple[TranslateWith, ...] = ()
    metrics: tuple[str, ...] = STANDARD

    def evaluated(self, statistics: TranslateWith | None = None) -> Path:
        """Return the folder of the evaluation; of one in `also` where it is named."""
        return self.folder / (f"evaluation-{statistics}" if statistics else "evaluation")


def trained(job: Job) -> TrainResult:
    """Train, or go on with what is there; a run that is finished is not touched.

    Raises:
        TransmodalError: as `training.train.train`.
    """
    device = own_device(job.recipe)
    recipe = job.recipe if device is None else changed(job.recipe, [f"training.device={device}"])
    return train(recipe, Cohort.open(job.cohort), job.folder)


def scored(job: Job, statistics: TranslateWith | None = None) -> Evaluation:
    """Evaluate a trained run on the test split and write it; a target without a unit is scored normalised.

    Args:
        job: whose run is trained.
        statistics: what batch normalisation takes, instead of what the recipe says.

    Raises:
        TransmodalError: as `evaluation.run.evaluate`.
    """
    task = job.recipe.task
    request = EvaluationRequest(
        translation=TranslationOptions(
            device=own_device(job.recipe),
            passes=Passes(translate_with=statistics),
            without=[source for source in job.without if source in task.source],
        ),
        scoring=ScoringOptions(
            metrics=job.metrics, oracles=job.oracles, target_normalised=is_normalised(task.target)
        ),
    )
    return evaluate(
        {job.name: job.folder}, Cohort.open(job.cohort), request, output=job.evaluated(statistics)
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
    """Tell whether a target has no unit of its own, and is scaled by its own intensities before it is scored."""
    return not modality_of(target).unit


def each(
    work: Callable[[Work], Result],
    jobs: Mapping[Key, Work],
    *,
    workers: int,
    threads: int,
    done: Callable[[Key, Result], None] | None = None,
) -> dict[Key, Result]:
    """Do every job in a pool of spawned processes, which end with this one however it ends.

    Args:
        work: a function of a module, so that it can travel.
        jobs: by key, in the order in which they are started.
        workers: jobs at once.
        threads: of torch, per job.
        done: told of every job when it is done.

    Returns:
        Results by key, in the order of the jobs.

    Raises:
        BaseException: what a job raised; jobs that were not begun are not begun then.
    """
    results: dict[Key, Result] = {}
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(threads,),
    )
    with pool:
        waiting = {pool.submit(work, job): key for key, job in jobs.items()}
        try:
            for future in as_completed(waiting):
                key = waiting[future]
                results[key] = future.result()
                if done is not None:
                    done(key, results[key])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return {key: results[key] for key in jobs}


def slug(name: str) -> str:
    """Return a name as a folder can have it."""
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-")


def commit() -> str | None:
    """Return the commit that this code is of, `-dirty` where it was changed since; None outside a checkout."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()


def _begin(threads: int) -> None:
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process with the one that started it: nobody would wait for its work, and another may want its folder.

    Checkpoints are written whole or not at all, so a training can be ended at any time.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(143)
