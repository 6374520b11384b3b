"""The cohort that is scored and the one that the models learned from: the same, or another site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.cohorts.patient_marks import PatientKey, read_marks, untested
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.external.strata import InternalTest, Key
from transmodal.evaluation.provenance import describe_variant
from transmodal.evaluation.records import read as reading
from transmodal.evaluation.records.read import EvaluationRecord
from transmodal.evaluation.records.store import plain
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.statistics.paired_tests import by_patient
from transmodal.evaluation.task import EvaluationTask, build_task
from transmodal.inference.preprocessing import Preprocessing
from transmodal.storage import files

ALL_CASES = "all"
"""The split that is every case of a cohort; only of one that no model learned from."""


class Sites(NamedTuple):
    """The scored cohort and the one that the models learned from.

    Attributes:
        scored: the cohort that is evaluated on.
        training: the cohort that the models learned from, for oracles to be fitted on; None where it was not given.
        is_external: whether the models learned from another cohort than the scored one.
    """

    scored: Cohort
    training: Cohort | None
    is_external: bool

    def notes(self, oracles: Sequence[str]) -> tuple[str, ...]:
        """Return the notes for a reader: that there are no oracles, where the training cohort is not at hand."""
        if self.training is not None or not oracles:
            return ()
        return (
            "No oracles: the models learned from another cohort, and oracles that are fitted on this one would know "
            "what the models do not. --training-cohort names the cohort to fit them on.",
        )


def find_sites(
    scored: Cohort, training: Cohort | None, records: Mapping[str, Mapping[str, Any]], split: str
) -> Sites:
    """Find out where the models learned.

    Args:
        scored: the cohort that is evaluated on.
        training: the training cohort, as the user names it; None takes the scored one where the models learned from it.
        records: how each model came about.
        split: the scored side of the split.

    Raises:
        UsageError: E004 for another training cohort than the models', or for all cases of a cohort that a model
            learned from.
    """
    learned = {
        str(record["cohort"]["digest"]): record["cohort"]
        for record in records.values()
        if "digest" in record.get("cohort", {})
    }
    own = scored.digest()
    if training is not None and set(learned) - {training.digest()}:
        odd = next(cohort for digest, cohort in learned.items() if digest != training.digest())
        raise UsageError(
            "E004",
            f"--training-cohort {training.manifest.name} ({training.digest()[:12]})",
            f"{odd.get('name')} ({str(odd['digest'])[:12]}), which a run learned from",
            "Name that cohort, or leave the option out.",
        )
    if split == ALL_CASES and (own in learned or not learned):
        raise UsageError(
            "E004",
            f"--split all of {scored.manifest.name}, which a run learned from",
            "another cohort",
            "Score its test split.",
        )
    if training is not None and training.digest() != own:
        return Sites(scored, training, is_external=True)
    is_external = training is None and bool(learned) and own not in learned
    return Sites(scored, None if is_external else scored, is_external)


def build_task_of_sites(
    sites: Sites, preprocessing: Preprocessing, sources: tuple[str, ...], split: str
) -> EvaluationTask:
    """Return the task of an evaluation; the data range and the oracles' cases are the training cohort's."""
    task = build_task(sites.scored, preprocessing, sources, split)
    if sites.training is None:
        return replace(task, n_training=0)
    if sites.training is sites.scored:
        return task
    own = build_task(sites.training, preprocessing, sources, split)
    return replace(
        task,
        data_range=own.data_range,
        n_training=own.n_training,
        fitted_on=own.cohort,
        keys=tuple(dict.fromkeys([*task.keys, *own.keys])),
    )


def select_cases(cohort: Cohort, split: str) -> list[PreparedCase]:
    """Return the cases of a side of the split, or all of them."""
    return cohort.cases(None if split == ALL_CASES else split)


def namesakes(
    cases: Sequence[PreparedCase],
    records: Mapping[str, Mapping[str, Any]],
    keys: Sequence[PatientKey] = (),
) -> tuple[str, ...]:
    """Return notes on patients with the id of one that a model learned from: the same person, or a namesake.

    Args:
        cases: that are scored.
        records: how each model came about, by its name.
        keys: of the cohorts at hand; a model whose marks are of another is said to be untested.
    """
    patients: set[str] = set()
    notes = []
    for name, record in records.items():
        marks = read_marks(record)
        leaked = None if marks is None else marks.find((case.patient for case in cases), keys)
        if marks is not None and leaked is None:
            notes.append(untested(name, marks))
        patients.update(leaked or ())
    return (*_note_namesakes(sorted(patients)), *notes)


def _note_namesakes(patients: Sequence[str]) -> tuple[str, ...]:
    if not patients:
        return ()
    return (
        f"{len(patients)} patients here have the id of one that a model learned from, such as {patients[0]}. If they are the "
        "same persons, these figures are too good.",
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


def evaluation_folder(run: Path, cohort: Cohort) -> Path:
    """Return the folder of a run's evaluation: beside the internal test's where the cohort is another."""
    try:
        digest = files.read_json(run / "run.json").get("cohort", {}).get("digest")
    except InputError:
        digest = None
    own = cohort.digest()
    return run / (
        "evaluation" if digest in (None, own) else f"evaluation-{plain(cohort.manifest.name)}-{own[:8]}"
    )


def _identity(record: Mapping[str, Any]) -> tuple[object, tuple[str, ...], str]:
    passes = describe_variant(record.get("passes") or {})
    return record.get("weights_sha256"), tuple(record.get("without", ())), passes
