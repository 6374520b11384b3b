"""Run a suite: every entry with every seed, the oracles once, then one table per target."""

from __future__ import annotations

import statistics
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from transmodal import translators
from transmodal.cohorts.store import Cohort
from transmodal.errors import TransmodalError, UsageError
from transmodal.evaluation.compare.compare import Comparison, compare
from transmodal.evaluation.records import read as reading
from transmodal.evaluation.request import ScoringOptions
from transmodal.evaluation.run import evaluate_oracles
from transmodal.experiments import series
from transmodal.experiments.benchmark import metrics
from transmodal.experiments.benchmark.record import Key, Outcome, content_of
from transmodal.experiments.benchmark.suite import Suite
from transmodal.experiments.benchmark.table import ranked
from transmodal.experiments.series import Job
from transmodal.recipes.schema import Recipe
from transmodal.storage import outputs
from transmodal.training.planning.plan import Plan, plan
from transmodal.training.planning.start import check_start
from transmodal.training.run import Run

Progress = Callable[[str, int, int, str], None]
"""Told what is under way, how much of it is done, of how much, and how long it may still take."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What a suite came to.

    Attributes:
        comparisons: the table of each target.
        failures: why trainings have no figures, by entry and seed.
        content: everything that is kept, JSON-able.
    """

    comparisons: Mapping[str, Comparison]
    failures: Mapping[Key, str]
    content: Mapping[str, Any]


def benchmark(
    suite: Suite,
    cohort: Path,
    folder: Path,
    *,
    whole: Suite | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Benchmark:
    """Train and score every entry with every seed; what is done is not done again.

    Every training has one thread, so that figures do not depend on how many run at once.

    Args:
        suite: what is compared.
        cohort: folder of a prepared cohort.
        folder: where runs go; an interrupted benchmark goes on there.
        whole: the suite that `suite` is a part of; the oracles see as its first entries do.
        workers: trainings at once.
        progress: told of trainings done.

    Raises:
        UsageError: as `training.plan`, before anything is trained; E005 for a folder of other recipes.
        InputError: as `training.plan`; E132 when no training of some target came to figures.
    """
    outputs.check_folder(folder)
    store = Cohort.open(cohort)
    asked = [suite.metric, *suite.metrics]
    jobs = {
        (entry, seed): Job(
            entry,
            suite.resolved(entry, seed),
            cohort,
            folder / "runs" / entry / f"seed-{seed}",
            also=suite.entries[entry].also,
            metrics=metrics.taken(asked),
        )
        for seed in suite.seeds
        for entry in suite.entries
    }
    for entry in suite.entries:
        begins = not all(Run(jobs[entry, seed].folder).is_saved for seed in suite.seeds)
        first = jobs[entry, suite.seeds[0]]
        planned = plan(first.recipe, store, begins=begins)
        check_start(planned)
        target = first.recipe.task.target
        metrics.check_computable(asked, target, store.named_for([*first.recipe.task.source, target]))
        _check_also(first, planned)
    oracles = {
        target: Job(target, recipe, cohort, folder / "oracles" / target, metrics=metrics.taken(asked))
        for target, recipe in _first_recipes(whole or suite).items()
        if any(job.recipe.task.target == target for job in jobs.values())
    }
    series.each(
        score_oracles, oracles, workers=workers, threads=1, done=_Told(progress, "oracles", len(oracles))
    )
    told = _Estimate(progress, list(jobs), workers)
    outcomes = series.each(train_and_score, jobs, workers=workers, threads=1, done=told)
    failures = {key: one.failure for key, one in outcomes.items() if one.failure}
    comparisons = {}
    for target, oracle in oracles.items():
        scored = {
            key: job for key, job in jobs.items() if job.recipe.task.target == target and key not in failures
        }
        if scored:
            is_there = suite.against in {entry for entry, _ in scored}
            comparison = compare(
                [
                    *(job.evaluated(choice) for job in scored.values() for choice in (None, *job.also)),
                    oracle.folder,
                ],
                metric=suite.metric,
                against=suite.against if is_there else None,
            )
            comparisons[target] = ranked(comparison, _failed(jobs, failures, target))
    return Benchmark(comparisons, failures, content_of(suite, store, jobs, outcomes, comparisons))


def train_and_score(job: Job) -> Outcome:
    """Train and evaluate one entry with one seed, as far as that is not done.

    An error is told, not raised: the others go on, and hours of theirs are not lost to it.
    """
    start = time.monotonic()
    try:
        result = series.trained(job)
        waiting = [choice for choice in (None, *job.also) if not _has(job.evaluated(choice), job.metrics)]
        for choice in waiting:
            series.scored(job, choice)
    except TransmodalError as error:
        return Outcome(failure=error.line())
    except Exception as error:
        traceback.print_exc()
        return Outcome(failure=f"error[E601]: {type(error).__name__}: a bug in transmodal")
    is_new = bool(waiting) or not result.was_finished
    return Outcome(result.steps, result.best, time.monotonic() - start if is_new else None)


def _check_also(job: Job, planned: Plan) -> None:
    """Refuse rows with other statistics of a translator that has no choice, or that takes them in any case.

    Raises:
        UsageError: E004.
    """
    if not job.also:
        return
    with torch.device("meta"):
        own = translators.build(job.recipe.translator, planned.config).translates_with()
    for choice in job.also:
        if own is None or choice == own:
            raise UsageError(
                "E004",
                f"{job.name}: also {choice}, where the recipe {'takes it' if own else 'has no batch normalisation'}",
                "other statistics than the recipe's, of a translator with batch normalisation",
                f"Leave also out of {job.name}.",
            )


def score_oracles(job: Job) -> None:
    """Evaluate the oracles as a recipe's translator would see the cohort, as far as that is not done."""
    if _has(job.folder, job.metrics):
        return
    store = Cohort.open(job.cohort)
    evaluate_oracles(
        plan(job.recipe, store, begins=False).preprocessing,
        store,
        ScoringOptions(metrics=job.metrics, target_normalised=series.is_normalised(job.recipe.task.target)),
        output=job.folder,
    )


def _has(folder: Path, names: Sequence[str]) -> bool:
    """Tell whether an evaluation was written that has figures of all metrics; one of another suite may not."""
    path = folder / reading.NAME
    return path.is_file() and set(names) <= {row.metric for row in reading.read(path).content.rows}


@dataclass(slots=True)
class _Told:
    """Counts what is done."""

    progress: Progress | None
    what: str
    total: int
    n: int = 0

    def __call__(self, key: object, result: object) -> None:
        self.n += 1
        if self.progress is not None:
            self.progress(self.what, self.n, self.total, "")


class _Estimate:
    """Tells of trainings done, and how long the others may take: an entry's as long as its others took."""

    def __init__(self, progress: Progress | None, keys: list[Key], workers: int) -> None:
        self._progress = progress
        self._waiting = keys
        self._total = len(keys)
        self._workers = workers
        self._took: dict[str, list[float]] = {}

    def __call__(self, key: Key, outcome: Outcome) -> None:
        self._waiting = [other for other in self._waiting if other != key]
        if outcome.seconds is not None:
            self._took.setdefault(key[0], []).append(outcome.seconds)
        if self._progress is not None:
            self._progress("trainings", self._total - len(self._waiting), self._total, self.note())

    def note(self) -> str:
        """Say how long it may still take; nothing before it can be known or when all is done."""
        means = {entry: statistics.fmean(seconds) for entry, seconds in self._took.items()}
        if not means or not self._waiting:
            return ""
        typical = statistics.fmean(means.values())
        seconds = sum(means.get(entry, typical) for entry, _ in self._waiting) / self._workers
        return f"about {max(1, round(seconds / 60))} min left"


def _first_recipes(suite: Suite) -> dict[str, Recipe]:
    first: dict[str, Recipe] = {}
    for entry in suite.entries:
        recipe = suite.resolved(entry, suite.seeds[0])
        first.setdefault(recipe.task.target, recipe)
    return first


def _failed(jobs: Mapping[Key, Job], failures: Mapping[Key, str], target: str) -> list[str]:
    return [
        f"{entry} with seed {seed} has no figures: {line}"
        for (entry, seed), line in failures.items()
        if jobs[entry, seed].recipe.task.target == target
    ]
