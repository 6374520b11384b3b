"""Run a suite: every entry with every seed, the oracles once, then one table per target."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transmodal import translators
from transmodal.cohorts.store import Cohort
from transmodal.errors import TransmodalError, UsageError
from transmodal.evaluation.compare.compare import Comparison, compare
from transmodal.evaluation.records import read as reading
from transmodal.evaluation.request import ScoringOptions
from transmodal.evaluation.run import evaluate_oracles
from transmodal.experiments.benchmark import metrics
from transmodal.experiments.benchmark.record import Outcome, TrialResult, content_of
from transmodal.experiments.benchmark.suite import Suite
from transmodal.experiments.benchmark.table import rank
from transmodal.experiments.counting import Counter, Remaining
from transmodal.experiments.design import Key
from transmodal.experiments.pool import run_parallel
from transmodal.experiments.trial import Trial, is_normalised, plan_row, score_trial, train_trial
from transmodal.nets.meta import shapes_alone
from transmodal.progress import Progress
from transmodal.recipes.schema import Recipe
from transmodal.storage import orphans, outputs
from transmodal.training.planning.plan import Plan, plan


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The result of a suite.

    Attributes:
        comparisons: the table of each target.
        failures: why trainings have no figures, by entry and seed.
        content: its record, JSON-able.
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
    """Train and score every entry with every seed; complete ones are not done again.

    Every training has one thread, so that figures do not depend on how many run at once.

    Args:
        suite: what is compared.
        cohort: folder of a prepared cohort.
        folder: where runs go; an interrupted benchmark goes on there.
        whole: the suite that `suite` is a part of; the oracles see as its first entries do.
        workers: trainings at once.
        progress: told of trainings that are complete.

    Raises:
        UsageError: as `training.planning.plan`, before anything is trained; E005 for a folder of other recipes.
        InputError: as `training.planning.plan`; E132 when no training of some target came to figures.
    """
    outputs.check_folder(folder)
    store = Cohort.open(cohort)
    trials = {key: _trial(suite, key, cohort, folder) for key in suite.trainings()}
    for entry in suite.entries:
        _check([trials[entry, seed] for seed in suite.seeds], store, [suite.metric, *suite.metrics])
    oracles = _oracles(whole or suite, list(trials.values()), folder)
    report = Counter(progress, "oracles", len(oracles))
    estimate = TimeEstimate(progress, list(trials), workers)
    with orphans.cleared(folder):
        run_parallel(score_oracles, oracles, workers=workers, threads=1, report=report)
        outcomes = run_parallel(train_and_score, trials, workers=workers, threads=1, report=estimate)
    results = {key: TrialResult(trial, outcomes[key]) for key, trial in trials.items()}
    comparisons = _compare(suite, results, oracles)
    return Benchmark(
        comparisons,
        {key: outcome.failure for key, outcome in outcomes.items() if outcome.failure},
        content_of(suite, store, results, comparisons),
    )


def train_and_score(trial: Trial) -> Outcome:
    """Train and evaluate one entry with one seed, as far as that is not done.

    An error is returned, not raised: other trainings go on, and their hours are not lost to it.
    """
    start = time.monotonic()
    try:
        result = train_trial(trial)
        waiting = [
            choice for choice in (None, *trial.also) if not _has(trial.evaluation(choice), trial.metrics)
        ]
        for choice in waiting:
            score_trial(trial, choice)
    except TransmodalError as error:
        return Outcome(failure=error.line())
    except Exception as error:
        traceback.print_exc()
        return Outcome(failure=f"error[E601]: {type(error).__name__}: a bug in transmodal")
    is_new = bool(waiting) or not result.was_finished
    return Outcome(result.steps, result.best, time.monotonic() - start if is_new else None)


def score_oracles(trial: Trial) -> None:
    """Evaluate the oracles as a recipe's translator would see the cohort, as far as that is not done."""
    if _has(trial.folder, trial.metrics):
        return
    store = Cohort.open(trial.cohort)
    evaluate_oracles(
        plan(trial.recipe, store, begins=False).preprocessing,
        store,
        ScoringOptions(metrics=trial.metrics, target_normalised=is_normalised(trial.recipe.task.target)),
        output=trial.folder,
    )


class TimeEstimate:
    """Reports trainings that are complete, and how long the others may take."""

    def __init__(self, progress: Progress | None, keys: list[Key], workers: int) -> None:
        self._counter = Counter(progress, "trainings", len(keys))
        self._remaining = Remaining(keys, workers)

    def __call__(self, key: Key, outcome: Outcome) -> None:
        """Count one more."""
        self._remaining.complete(key, outcome.seconds)
        self._counter.advance(self._remaining.note())


def _trial(suite: Suite, key: Key, cohort: Path, folder: Path) -> Trial:
    entry, seed = key
    return Trial(
        entry,
        suite.resolved(entry, seed),
        cohort,
        folder / "runs" / entry / f"seed-{seed}",
        also=suite.entries[entry].also,
        metrics=metrics.scored([suite.metric, *suite.metrics]),
    )


def _oracles(suite: Suite, trials: Sequence[Trial], folder: Path) -> dict[str, Trial]:
    """Return what the oracles are scored by, by target: the suite's first entry that makes it."""
    recipes: dict[str, Recipe] = {}
    for entry in suite.entries:
        recipe = suite.resolved(entry, suite.seeds[0])
        recipes.setdefault(recipe.task.target, recipe)
    targets = {trial.recipe.task.target for trial in trials}
    return {
        target: Trial(
            target, recipe, trials[0].cohort, folder / "oracles" / target, metrics=trials[0].metrics
        )
        for target, recipe in recipes.items()
        if target in targets
    }


def _check(trials: Sequence[Trial], cohort: Cohort, names: Sequence[str]) -> None:
    """Refuse an entry that cannot be trained or measured, before anything is trained."""
    training_plan = plan_row(trials, cohort)
    task = trials[0].recipe.task
    metrics.check_computable(names, task.target, cohort.named_for([*task.source, task.target]))
    _check_also(trials[0], training_plan)


def _check_also(trial: Trial, training_plan: Plan) -> None:
    """Refuse rows with other statistics of a translator that has no choice, or that takes them in any case.

    Raises:
        UsageError: E004.
    """
    if not trial.also:
        return
    with shapes_alone():
        default = translators.build(trial.recipe.translator, training_plan.config).translates_with()
    for choice in trial.also:
        if default is None or choice == default:
            reason = "takes it" if default else "has no batch normalisation"
            raise UsageError(
                "E004",
                f"{trial.name}: also {choice}, where the recipe {reason}",
                "other statistics than the recipe's, of a translator with batch normalisation",
                f"Leave also out of {trial.name}.",
            )


def _has(folder: Path, names: Sequence[str]) -> bool:
    """Return whether an evaluation was written that has figures of all metrics; one of another suite may not."""
    path = folder / reading.NAME
    return path.is_file() and set(names) <= {row.metric for row in reading.read(path).content.rows}


def _compare(
    suite: Suite, results: Mapping[Key, TrialResult], oracles: Mapping[str, Trial]
) -> dict[str, Comparison]:
    """Return a ranked comparison for each target that some training came to figures of."""
    comparisons = {}
    for target, oracle in oracles.items():
        of_target = {
            key: result for key, result in results.items() if result.trial.recipe.task.target == target
        }
        scored = {key: result.trial for key, result in of_target.items() if not result.outcome.failure}
        if scored:
            runs = [trial.evaluation(choice) for trial in scored.values() for choice in (None, *trial.also)]
            has_reference = suite.against in {entry for entry, _ in scored}
            comparison = compare(
                [*runs, oracle.folder], metric=suite.metric, against=suite.against if has_reference else None
            )
            comparisons[target] = rank(comparison, _failures(of_target))
    return comparisons


def _failures(results: Mapping[Key, TrialResult]) -> list[str]:
    return [
        f"{entry} with seed {seed} has no figures: {result.outcome.failure}"
        for (entry, seed), result in results.items()
        if result.outcome.failure
    ]
