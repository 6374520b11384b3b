"""What is kept of a benchmark: how every figure came about."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from transmodal._version import __version__
from transmodal.cohorts.store import Cohort
from transmodal.evaluation import provenance
from transmodal.evaluation.compare.compare import Comparison
from transmodal.evaluation.records import read as reading
from transmodal.experiments import series
from transmodal.experiments.benchmark.metrics import figure_name, kept_names
from transmodal.experiments.benchmark.suite import Suite
from transmodal.experiments.benchmark.table import to_json
from transmodal.experiments.series import Job
from transmodal.nets.blocks import TranslateWith
from transmodal.notice import INTENDED_USE
from transmodal.recipes import load as recipes
from transmodal.storage import files

Key = tuple[str, int]
"""Entry and seed."""


class Outcome(NamedTuple):
    """What became of one training.

    Attributes:
        steps: that the run has.
        best: best value of the primary metric over the validation cases.
        seconds: that training and evaluation took this time; None where there was nothing left to do.
        failure: why it has no figures; empty where all is well.
    """

    steps: int = 0
    best: float | None = None
    seconds: float | None = None
    failure: str = ""


def content_of(
    suite: Suite,
    store: Cohort,
    jobs: Mapping[Key, Job],
    outcomes: Mapping[Key, Outcome],
    comparisons: Mapping[str, Comparison],
) -> dict[str, Any]:
    """Return everything that is kept, JSON-able: recipes, hashes, figures per case, the cohort, the hardware, the tables."""
    figures = frozenset(kept_names((suite.metric, *suite.metrics)))
    entries = {}
    for name, entry in suite.entries.items():
        recipe = jobs[name, suite.seeds[0]].recipe
        for choice in (None, *entry.also):
            row, note = _row(name, entry.note, choice)
            seeds = {
                seed: _training(jobs[name, seed], outcomes[name, seed], row, choice, figures)
                for seed in suite.seeds
            }
            entries[row] = {
                "translator": recipe.translator,
                "recipe": entry.recipe,
                "changes": [*suite.changes, *entry.changes],
                "note": note,
                "target": recipe.task.target,
                "seeds": {str(seed): one for seed, one in seeds.items()},
                "over_seeds": _over_seeds([one["figures"] for one in seeds.values() if one["figures"]]),
            }
    return {
        "suite": suite.name,
        "about": suite.about,
        "budget": suite.budget,
        "intended_use": INTENDED_USE,
        "version": __version__,
        "commit": series.commit(),
        "hardware": hardware(),
        "seeds": list(suite.seeds),
        "cohort": {
            "name": store.manifest.name,
            "digest": store.digest(),
            "cases": {split: len(store.cases(split)) for split in ("train", "validation", "test")},
        },
        "entries": entries,
        "tables": {target: to_json(one) for target, one in comparisons.items()},
    }


def hardware() -> dict[str, Any]:
    """Return what the time that trainings took depends on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {
        "cores": cores,
        "machine": platform.machine(),
        "device": device,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads_per_training": 1,
    }


def _row(entry: str, note: str, statistics: TranslateWith | None) -> tuple[str, str]:
    """Return a row's name as evaluations have it, and its note."""
    if statistics is None:
        return entry, note
    same = f"the trainings of {entry}, translated once more"
    return f"{entry}, {provenance.NORMALISED[statistics]}", f"{note}; {same}" if note else same


def _training(
    job: Job,
    outcome: Outcome,
    row: str,
    statistics: TranslateWith | None,
    kept_figures: frozenset[str],
) -> dict[str, Any]:
    """Return what is kept of one training: hashes, steps, and the figures inside the mask per case.

    Args:
        job: of the training.
        outcome: of the training.
        row: what its evaluation calls it.
        statistics: of batch normalisation, where it is another evaluation than the recipe's.
        kept_figures: names of the figures that are kept.
    """
    kept = {
        "recipe_sha256": files.sha256_text(recipes.dump(job.recipe)),
        "steps": outcome.steps,
        "best_validation": outcome.best,
        "failure": outcome.failure,
        "figures": {},
    }
    if outcome.failure:
        return kept
    written = reading.read(reading.find(job.evaluated(statistics))).content
    record = written.provenance.models[row]
    figures: dict[str, dict[str, float | None]] = {}
    for figure in written.rows:
        how = written.protocols[figure.protocol]
        name = figure_name(figure.metric, how.dims)
        if name in kept_figures and how.region != "whole":
            figures.setdefault(name, {})[figure.case] = figure.value
    recipe = provenance.without_paths(job.recipe, provenance.weight_hashes(record))
    return kept | {
        "recipe_sha256": files.sha256_text(recipes.dump(recipe)),
        "weights_sha256": record["weights_sha256"],
        "frozen": record.get("frozen", {}),
        "starting_weights": record.get("starting_weights", {}),
        "training_seconds": record.get("training_seconds"),
        "figures": figures,
    }


def _over_seeds(found: list[Mapping[str, Mapping[str, float | None]]]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation over seeds of the mean over cases."""
    summary = {}
    for metric in found[0] if found else ():
        means = [
            statistics.fmean(value for value in one[metric].values() if value is not None) for one in found
        ]
        spread = statistics.stdev(means) if len(means) > 1 else 0.0
        summary[metric] = {"mean": statistics.fmean(means), "sd": spread}
    return summary
