"""Trainings on parts of a cohort, scored on its one test side: through `resplit`, `train` and `evaluate`.

A part keeps the test side whole and shares the cohort's arrays, so that runs of several parts are scored on the same
subjects. Errors are given in percent of the target's range: an MR contrast is scored in the units of the cohort that
a run learned from, which differ between parts, and their share of the range does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.edit.resplit import resplit
from transmodal.cohorts.split.request import SplitRequest
from transmodal.cohorts.split.split import rank_groups
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import by_patient
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.entrants import read_entrants, train_entrants
from transmodal.experiments.study.scored import Scored, StudyScoring, score_entrants
from transmodal.experiments.trial import Trial, slug
from transmodal.recipes.load import load
from transmodal.recipes.schema import Recipe
from transmodal.storage import files

METRICS = ("mae", "ssim")
PERCENT_OF_RANGE = "% of the target's range"


class PartTraining(NamedTuple):
    """A recipe that is trained on a part of the bench's cohort, with every seed of the bench.

    Attributes:
        row: of its runs.
        recipe: name in the library or path.
        training: ids of the cases that it learns from; nothing is chosen on validation cases, the last weights count.
        changes: of the recipe, after the bench's.
    """

    row: str
    recipe: str
    training: tuple[str, ...]
    changes: tuple[str, ...] = ()

    def resolved(self, bench: Bench[Any], seed: int) -> Recipe:
        """Return the recipe of one training.

        Raises:
            TransmodalError: as `recipes.load`.
        """
        return load(self.recipe, [*bench.changes, *self.changes, f"training.seed={seed}"])


class PartResult(NamedTuple):
    """The trained and scored runs of one part, a seed each.

    Attributes:
        part: that they are of.
        entrants: the runs.
        scored: their evaluations, in the order of the runs.
    """

    part: PartTraining
    entrants: tuple[Entrant, ...]
    scored: tuple[Scored, ...]

    def values(self, metric: str, patients: Sequence[str] | None = None, name: str = "") -> Values:
        """Return a metric's figures, `(seeds, patients)`.

        Args:
            metric: of `METRICS`.
            patients: in this order; all that were scored by default.
            name: of an oracle that was scored beside the first run; empty for the runs.
        """
        evaluations = self.scored[:1] if name else self.scored
        rows = [case_figures(scored, metric, name or self.part.row) for scored in evaluations]
        return np.array([[row[patient] for patient in patients or rows[0]] for row in rows])

    def patients(self) -> tuple[str, ...]:
        """Return the patients that were scored, in order."""
        return tuple(case_figures(self.scored[0], METRICS[0], self.part.row))


def name_rows(recipes: Sequence[str]) -> dict[str, str]:
    """Return the name of every recipe's row: its translator's, or its own where two are of one translator."""
    loaded = {name: load(name) for name in recipes}
    translators = [recipe.translator for recipe in loaded.values()]
    return {
        name: recipe.name if translators.count(recipe.translator) > 1 else recipe.translator
        for name, recipe in loaded.items()
    }


def case_figures(scored: Scored, metric: str, name: str) -> dict[str, float]:
    """Return a figure inside the mask, in 3D, by patient; errors in percent of the target's range."""
    protocols = scored.content.protocols
    scale = 100 / scored.task.data_range if metric == "mae" else 1.0
    return by_patient(
        (row.patient, scale * row.value)
        for row in scored.content.rows
        if (row.translator, row.metric) == (name, metric)
        and (protocols[row.protocol].region, protocols[row.protocol].dims) == ("mask", 3)
        and row.value is not None
    )


def complete_parts(
    bench: Bench[Any], parts: Sequence[PartTraining], *, oracles: tuple[str, ...] = ()
) -> list[PartResult]:
    """Train every part with every seed and score it on the test side; complete ones are not done again.

    Args:
        bench: of the study; its split has to be `test`.
        parts: with a row of its own each.
        oracles: scored beside the first run of every part, fitted on its training cases.

    Raises:
        UsageError: E001 for another split than the test side, E004 for a training cohort beside the scored one.
        TransmodalError: as trainings and evaluations.
    """
    if bench.split != "test":
        raise UsageError(
            "E001",
            f"--split {bench.split} of a study that trains on parts of a cohort",
            "test",
            "Leave the option out.",
        )
    if bench.material.training_cohort is not None:
        raise UsageError(
            "E004",
            "--training-cohort of a study that trains on parts of --cohort",
            "one cohort",
            "Leave the option out; transmodal merge makes one of several.",
        )
    cohorts = {
        part.row: share_cohort(bench.cohort, part.training, bench.folder / "cohorts") for part in parts
    }
    folders = {part.row: _train(bench, part, cohorts[part.row]) for part in parts}
    scoring = StudyScoring(metrics=METRICS, oracles=oracles)
    results = []
    for part in parts:
        runs = tuple(read_entrants([folder])[0]._replace(row=part.row) for folder in folders[part.row])
        scored = score_entrants(replace(bench, cohort=cohorts[part.row]), runs, scoring)
        results.append(PartResult(part, runs, tuple(scored[run.label] for run in runs)))
    return results


def training_patients(cohort: Cohort, seed: int) -> dict[str, tuple[str, ...]]:
    """Return the training cases of every patient, patients in the order that a seed gives them.

    The first of them are a part, and fewer of them a part of that one.
    """
    cases: dict[str, list[str]] = {}
    for case in cohort.cases("train"):
        cases.setdefault(case.patient, []).append(case.id)
    return {patient: tuple(cases[patient]) for patient in rank_groups(cases, seed)}


def list_scored_patients(cohort: Cohort) -> tuple[str, ...]:
    """Return the patients of the test side, in order.

    Raises:
        InputError: E132 where there are none.
    """
    patients = tuple(dict.fromkeys(case.patient for case in cohort.cases("test")))
    if not patients:
        raise InputError(
            "E132", f"no test case in {cohort.manifest.name}", "some", "Split it: transmodal resplit."
        )
    return patients


def share_cohort(cohort: Cohort, training: Sequence[str], folder: Path) -> Cohort:
    """Return a part of a cohort: these training cases, no validation, the same test side, the same arrays.

    Args:
        cohort: the whole.
        training: ids of cases.
        folder: that the part goes into; one of the same cases is taken as it is.

    Raises:
        TransmodalError: as `cohorts.edit.resplit.resplit`.
    """
    sides = dict.fromkeys(training, "train") | dict.fromkeys(cohort.split.test, "test")
    digest = files.sha256_text(json.dumps([cohort.digest(), sorted(training)]))[:8]
    output = folder / f"part-{len(training)}-{digest}"
    if output.is_dir():
        return Cohort.open(output)
    return resplit(cohort.folder, SplitRequest(sides=sides), output=output)


def _train(bench: Bench[Any], part: PartTraining, cohort: Cohort) -> list[Path]:
    """Train a part's runs; folders are named by the cohort too, so that other cases are another training."""
    folder = bench.folder / "runs" / slug(part.row) / cohort.digest()[:8]
    device = () if bench.device is None else (f"training.device={bench.device}",)
    trials: Mapping[str, Trial] = {
        f"{part.row}, seed {seed}": Trial(
            part.row,
            part._replace(changes=(*part.changes, *device)).resolved(bench, seed),
            cohort.folder,
            folder / f"seed-{seed}",
        )
        for seed in bench.seeds
    }
    units = bench.units
    return list(train_entrants(trials, cohort, workers=units.workers, progress=units.progress).values())
