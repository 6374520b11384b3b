"""The record of a benchmark: how every figure came about."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from transmodal.cohorts.store import Cohort
from transmodal.evaluation import provenance
from transmodal.evaluation.compare.compare import Comparison
from transmodal.evaluation.records import read as reading
from transmodal.experiments.benchmark.metrics import figure_name, recorded_figures
from transmodal.experiments.benchmark.suite import Suite
from transmodal.experiments.benchmark.table import to_json
from transmodal.experiments.design import Key
from transmodal.experiments.record import code_record, cohort_record, hardware, recipe_sha256, spread
from transmodal.experiments.trial import Trial
from transmodal.nets.blocks import TranslateWith


class Outcome(NamedTuple):
    """The result of one training.

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


class TrialResult(NamedTuple):
    """A trial and its result."""

    trial: Trial
    outcome: Outcome


class _Row(NamedTuple):
    """One row of the table: an entry, by the statistics of batch normalisation that it is translated with."""

    entry: str
    statistics: TranslateWith | None

    def name(self) -> str:
        """Return the name that evaluations give to the row."""
        if self.statistics is None:
            return self.entry
        return f"{self.entry}, {provenance.NORMALISED[self.statistics]}"

    def note(self, note: str) -> str:
        """Return the entry's note, with what the row shares with another."""
        if self.statistics is None:
            return note
        origin = f"the trainings of {self.entry}, translated once more"
        return f"{note}; {origin}" if note else origin


def content_of(
    suite: Suite, cohort: Cohort, results: Mapping[Key, TrialResult], comparisons: Mapping[str, Comparison]
) -> dict[str, Any]:
    """Return the record, JSON-able: recipes, hashes, figures per case, the cohort, the hardware, the tables."""
    rows = [_Row(name, choice) for name, entry in suite.entries.items() for choice in (None, *entry.also)]
    return {
        "suite": suite.name,
        "about": suite.about,
        "budget": suite.budget,
        **code_record(),
        "hardware": hardware(),
        "seeds": list(suite.seeds),
        "cohort": cohort_record(cohort),
        "entries": {row.name(): _entry(suite, row, results) for row in rows},
        "tables": {target: to_json(comparison) for target, comparison in comparisons.items()},
    }


def _entry(suite: Suite, row: _Row, results: Mapping[Key, TrialResult]) -> dict[str, Any]:
    recipe = results[row.entry, suite.seeds[0]].trial.recipe
    names = frozenset(recorded_figures((suite.metric, *suite.metrics)))
    seeds = {str(seed): _training(results[row.entry, seed], row, names) for seed in suite.seeds}
    return {
        "translator": recipe.translator,
        "recipe": suite.recipe_of(row.entry),
        "changes": suite.changes_of(row.entry),
        "note": row.note(suite.entries[row.entry].note),
        "target": recipe.task.target,
        "seeds": seeds,
        "over_seeds": _over_seeds([record["figures"] for record in seeds.values() if record["figures"]]),
    }


def _training(result: TrialResult, row: _Row, names: frozenset[str]) -> dict[str, Any]:
    """Return the record of one training: hashes, steps, and the figures inside the mask per case.

    Args:
        result: of the training.
        row: whose evaluation is read.
        names: of the figures that are recorded.
    """
    trial, outcome = result
    record = {
        "recipe_sha256": recipe_sha256(trial.recipe),
        "steps": outcome.steps,
        "best_validation": outcome.best,
        "failure": outcome.failure,
        "figures": {},
    }
    if outcome.failure:
        return record
    evaluation = reading.read(reading.find(trial.evaluation(row.statistics))).content
    model = evaluation.provenance.models[row.name()]
    figures: dict[str, dict[str, float | None]] = {}
    for figure in evaluation.rows:
        protocol = evaluation.protocols[figure.protocol]
        name = figure_name(figure.metric, protocol.dims)
        if name in names and protocol.region != "whole":
            figures.setdefault(name, {})[figure.case] = figure.value
    return record | {
        "recipe_sha256": recipe_sha256(trial.recipe, model),
        "weights_sha256": model["weights_sha256"],
        "frozen": model.get("frozen", {}),
        "starting_weights": model.get("starting_weights", {}),
        "training_seconds": model.get("training_seconds"),
        "figures": figures,
    }


def _over_seeds(seeds: list[Mapping[str, Mapping[str, float | None]]]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation over seeds of the mean over cases."""
    summary = {}
    for metric in seeds[0] if seeds else ():
        means = [
            statistics.fmean(value for value in figures[metric].values() if value is not None)
            for figures in seeds
        ]
        summary[metric] = spread(means)._asdict()
    return summary
