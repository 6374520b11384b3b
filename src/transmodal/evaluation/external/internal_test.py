"""The internal test of an external validation: the same weights' figures on the cohort that they learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from transmodal.errors import InputError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.external.sites import Sites, mask_site_cases
from transmodal.evaluation.external.strata import InternalTest, Key
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.provenance import describe_variant
from transmodal.evaluation.records import read as reading
from transmodal.evaluation.records.read import EvaluationRecord
from transmodal.evaluation.request import ScoringOptions
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.runs import LoadedRuns
from transmodal.evaluation.statistics.paired_tests import by_patient
from transmodal.evaluation.task import EvaluationTask
from transmodal.progress import StageProgress


def take_internal_test(
    sites: Sites,
    loaded: LoadedRuns,
    participants: Participants,
    task: EvaluationTask,
    scoring: ScoringOptions,
    progress: StageProgress | None,
) -> InternalTest | None:
    """Return the figures on the training cohort's test patients; None where that cohort itself is scored."""
    if not sites.is_external or not loaded.models:
        return None
    home = sites.training
    if home is None or not home.cases:
        return read_internal_test(loaded.folders, loaded.records)
    cases, mask = mask_site_cases(home, loaded.preprocessing)
    internal = replace(home.task, mask=mask, reference=task.reference)
    return summarise_internal_test(
        evaluate_cases(
            participants,
            cases,
            internal,
            metrics=scoring.metrics,
            learned=scoring.learned,
            progress=_at_training_site(progress),
        )
    )


def summarise_internal_test(evaluation: Evaluation) -> InternalTest:
    """Return the figures of an evaluation on the training cohort's test patients."""
    points: dict[Key, list[tuple[str, float]]] = {}
    for row in evaluation.rows:
        points.setdefault((row.translator, row.metric, row.protocol.text()), []).append(
            (row.patient, row.value)
        )
    task = evaluation.task
    figures = {key: by_patient(values) for key, values in points.items()}
    return InternalTest(task.cohort, task.digest, "taken in the same evaluation", figures)


def read_internal_test(
    runs: Mapping[str, Path], records: Mapping[str, Mapping[str, Any]]
) -> InternalTest | None:
    """Return the written figures of runs on the test split of the cohort that they learned from.

    Args:
        runs: folders of runs, by name.
        records: how each model came about, by its name; weights have to be the very ones that are scored now.

    Returns:
        None where no run was evaluated on the cohort that it learned from.
    """
    figures: dict[Key, list[tuple[str, float]]] = {}
    origins: list[tuple[str, str, str]] = []
    for run in runs.values():
        try:
            record = reading.read(run / "evaluation" / reading.NAME)
        except (
            InputError
        ):  # no evaluation on the training cohort, or not whole: there is nothing to hold against
            continue
        cohort = record.content.provenance.cohort
        names = _equal_models(record, records)
        if cohort.split != "test" or not names or (origins and origins[0][1] != cohort.digest):
            continue
        origins.append((cohort.name, cohort.digest, f"evaluation.json {record.sha256[:12]} of {run.name}"))
        for row in record.content.rows:
            if row.translator in names and row.value is not None:
                key = (names[row.translator], row.metric, row.protocol)
                figures.setdefault(key, []).append((row.patient, row.value))
    if not origins:
        return None
    averaged = {key: by_patient(values) for key, values in figures.items()}
    return InternalTest(origins[0][0], origins[0][1], ", ".join(how for *_, how in origins), averaged)


def _equal_models(record: EvaluationRecord, records: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the names of models here by their names in an evaluation of the same weights on their own cohort."""
    provenance = record.content.provenance
    return {
        earlier_name: name
        for earlier_name, earlier in provenance.models.items()
        for name, own in records.items()
        if _identity(earlier) == _identity(own)
        and earlier.get("cohort", {}).get("digest") == provenance.cohort.digest
    }


def _at_training_site(progress: StageProgress | None) -> StageProgress | None:
    """Report every stage as the training site's."""
    return (
        None if progress is None else lambda _, completed, total: progress("training site", completed, total)
    )


def _identity(record: Mapping[str, Any]) -> tuple[object, tuple[str, ...], str]:
    passes = describe_variant(record.get("passes") or {})
    return record.get("weights_sha256"), tuple(record.get("without", ())), passes
