"""Evaluations that may stand in one table: one task, one split, one protocol, and no patient that a model learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from transmodal.cohorts.patient_marks import MARKS, PatientMarks, read_marks, untested
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.measures import clipping
from transmodal.evaluation.provenance import ANOTHER_PROGRAM, ORIGIN
from transmodal.evaluation.records.read import EvaluationRecord

_REMEDY = "Evaluate them together, with one transmodal evaluate RUN RUN, or compare them apart."


class ComparedMetric(NamedTuple):
    """A metric under a protocol, that every compared translator has figures of."""

    metric: str
    unit: str
    protocol: str
    region: str
    dims: int


def check_comparable(evaluations: Sequence[EvaluationRecord]) -> list[str]:
    """Refuse evaluations that must not stand in one table; return the limits of those that may.

    Raises:
        UsageError: E004 when tasks, cohorts, splits, cases, protocols or the cohorts that models learned from differ.
        InputError: E135 when a model learned from a patient that it is scored on.
    """
    check_scored_alike(evaluations)
    _check_training(evaluations)
    return collect_remarks(evaluations)


def check_scored_alike(evaluations: Sequence[EvaluationRecord]) -> None:
    """Refuse evaluations that were not scored alike; models may have learned from different cohorts.

    Raises:
        UsageError: E004 when tasks, cohorts, splits, cases or protocols differ.
        InputError: E135 when a model learned from a patient that it is scored on.
    """
    first = evaluations[0]
    for second in evaluations[1:]:
        for fact, ours, theirs in _differences(first, second):
            _refuse(f"{first.path} has the {fact} {ours}, {second.path} {theirs}", f"one {fact}")
        _check_patients(first, second)
    _check_protocols(evaluations)
    _check_leaks(evaluations)


def shared_metrics(evaluations: Sequence[EvaluationRecord]) -> list[ComparedMetric]:
    """Return the metrics and protocols that every translator of every evaluation has figures of, in order."""
    complete: list[list[ComparedMetric]] = []
    for evaluation in evaluations:
        translators = {*evaluation.content.provenance.models, *evaluation.content.provenance.oracles}
        complete.append(
            [metric for metric, scored in _translators_by_metric(evaluation).items() if scored == translators]
        )
    return [metric for metric in complete[0] if all(metric in metrics for metrics in complete[1:])]


def _translators_by_metric(evaluation: EvaluationRecord) -> dict[ComparedMetric, set[str]]:
    """Return the translators that have figures, by metric."""
    translators: dict[ComparedMetric, set[str]] = {}
    for row in evaluation.content.rows:
        protocol = evaluation.content.protocols[row.protocol]
        metric = ComparedMetric(row.metric, row.unit, row.protocol, protocol.region, protocol.dims)
        translators.setdefault(metric, set()).add(row.translator)
    return translators


def _differences(first: EvaluationRecord, second: EvaluationRecord) -> Iterable[tuple[str, str, str]]:
    ours, theirs = first.content.provenance, second.content.provenance
    pairs = (
        ("target", ours.task.target, theirs.task.target),
        ("unit", ours.task.unit, theirs.task.unit),
        ("cohort", _cohort_text(ours.cohort.name, ours.cohort.digest), _cohort_text(theirs.cohort.name, theirs.cohort.digest)),
        ("split", ours.cohort.split, theirs.cohort.split),
    )  # fmt: skip
    return ((fact, mine, yours) for fact, mine, yours in pairs if mine != yours)


def _check_patients(first: EvaluationRecord, second: EvaluationRecord) -> None:
    unshared = sorted(set(first.patients.items()) ^ set(second.patients.items()))
    if unshared:
        case, patient = unshared[0]
        owner = first if first.patients.get(case) == patient else second
        _refuse(
            f"case {case} of patient {patient} is in {owner.path} alone, one of {len(unshared)}",
            "the same cases",
        )


def _check_protocols(evaluations: Sequence[EvaluationRecord]) -> None:
    """Refuse one metric, region and dimension under protocols that have nothing in common."""
    first = evaluations[0]
    ours = _protocols(first)
    for second in evaluations[1:]:
        theirs = _protocols(second)
        for key in ours.keys() & theirs.keys():
            if not ours[key] & theirs[key]:
                _refuse(
                    f"{key[0]} in {first.path} is {min(ours[key])!r}, in {second.path} {min(theirs[key])!r}",
                    "one protocol",
                )


def _protocols(evaluation: EvaluationRecord) -> dict[tuple[str, str, int], set[str]]:
    return {
        key: {metric.protocol for metric in group}
        for key, group in groupby(
            sorted(
                _translators_by_metric(evaluation),
                key=lambda metric: (metric.metric, metric.region, metric.dims),
            ),
            key=lambda metric: (metric.metric, metric.region, metric.dims),
        )
    }


def _check_training(evaluations: Sequence[EvaluationRecord]) -> None:
    """Refuse models that learned from different cohorts or splits: data would be compared, not models."""
    cohorts = [
        (name, str(cohort.get("name")), str(cohort["digest"]))
        for name, cohort in _training(evaluations)
        if "digest" in cohort
    ]
    for name, cohort, digest in cohorts[1:]:
        if digest != cohorts[0][2]:
            _refuse(
                f"{cohorts[0][0]} learned from the cohort and split {_cohort_text(*cohorts[0][1:])}, "
                f"{name} from {_cohort_text(cohort, digest)}",
                "models that learned from one cohort and split",
            )


def _check_leaks(evaluations: Sequence[EvaluationRecord]) -> None:
    first = evaluations[0].content.provenance.cohort
    for evaluation in evaluations:
        patients = sorted(set(evaluation.patients.values()))
        for name, record in evaluation.content.provenance.models.items():
            digest = record.get("cohort", {}).get("digest")
            tests = [
                _find_patients(evaluation, marks) for marks in _training_marks(evaluations, digest, record)
            ]
            leaked = sorted({patient for test in tests for patient in test or ()})
            if digest == first.digest and first.split == "train":
                leaked = patients
            if leaked:
                raise InputError(
                    "E135",
                    f"{evaluation.path}: {name} learned from patient {leaked[0]}, one of {len(leaked)} that it is scored on",
                    "patients that no model learned from",
                    "Evaluate on the test split of the cohort that the model was trained on, or on another cohort.",
                )


def _training_marks(
    evaluations: Sequence[EvaluationRecord], digest: object, record: Mapping[str, Any]
) -> list[PatientMarks]:
    """Return the marks of the patients that a model learned from: its own, and those that its cohort trains on."""
    cohorts = [evaluation.content.provenance.cohort for evaluation in evaluations]
    own = read_marks(record)
    return [
        *([] if own is None else [own]),
        *(
            PatientMarks(cohort.training_patients_key, frozenset(cohort.training_patients_sha256))
            for cohort in cohorts
            if cohort.digest == digest and cohort.training_patients_sha256
        ),
    ]


def _find_patients(evaluation: EvaluationRecord, marks: PatientMarks) -> list[str] | None:
    """Return which patients of an evaluation are among the marked; None where it does not hold their marks by that key."""
    patients = set(evaluation.patients.values())
    recorded = evaluation.content.provenance.cohort.patient_marks.get(marks.key)
    if recorded is None:
        return marks.find(patients, ())
    return [patient for patient in sorted(patients) if recorded.get(patient) in marks.marks]


def _note_untested(evaluations: Sequence[EvaluationRecord]) -> list[str]:
    """Return a line on each model that learned from another cohort, and whose patients could not be looked up."""
    notes = []
    for evaluation in evaluations:
        for name, record in evaluation.content.provenance.models.items():
            digest, own = record.get("cohort", {}).get("digest"), read_marks(record)
            if own is None or digest == evaluation.content.provenance.cohort.digest:
                continue
            all_marks = _training_marks(evaluations, digest, record)
            if all(_find_patients(evaluation, marks) is None for marks in all_marks):
                notes.append(untested(name, own))
    return notes


def collect_remarks(evaluations: Sequence[EvaluationRecord]) -> list[str]:
    """Return the limits of evaluations that stand in one table, one sentence each."""
    own = evaluations[0].content.provenance.cohort
    remarks = _gather_notes(evaluations)
    if own.simulated:
        remarks.append(f"Simulated, measured by no scanner: {', '.join(own.simulated)}.")
    if own.split == "validation":
        remarks.append("Validation split: the models' best checkpoints were chosen on these patients.")
    external = {
        name
        for evaluation in evaluations
        for name, record in evaluation.content.provenance.models.items()
        if record.get(ORIGIN) == ANOTHER_PROGRAM
    }
    traceable = {
        name
        for evaluation in evaluations
        for name, record in evaluation.content.provenance.models.items()
        if MARKS in record
    }
    for name, cohort in _training(evaluations):
        if name in traceable:
            continue
        if name in external:
            continue  # their evaluation says it already
        if "digest" not in cohort:
            remarks.append(f"{name}: what it learned from is not recorded, so a leak cannot be excluded.")
        elif cohort["digest"] != own.digest:
            remarks.append(
                f"{name} learned from the cohort {_cohort_text(str(cohort.get('name')), str(cohort['digest']))}, whose "
                "patients are not recorded here, so a leak cannot be excluded."
            )
    records = {
        name: record
        for evaluation in evaluations
        for name, record in evaluation.content.provenance.models.items()
    }
    return list(dict.fromkeys([*remarks, *_note_untested(evaluations), *clipping.note_unclipped(records)]))


def _gather_notes(evaluations: Sequence[EvaluationRecord]) -> list[str]:
    """Return the evaluations' notes; one on a name that several models have says of whose evaluation it is.

    What all evaluations with a model of that name say of it needs no such word.
    """
    names = Counter(name for evaluation in evaluations for name in evaluation.content.provenance.models)
    notes: list[str] = []
    for evaluation in evaluations:
        shared = {name for name in evaluation.content.provenance.models if names[name] > 1}
        namesakes = [other for other in evaluations if shared & other.content.provenance.models.keys()]
        for note in evaluation.content.provenance.notes:
            is_of_one = any(note.removeprefix("WARNING: ").startswith(name) for name in shared) and not all(
                note in other.content.provenance.notes for other in namesakes
            )
            notes.append(f"{evaluation.folder.name}: {note}" if is_of_one else note)
    return list(dict.fromkeys(notes))


def _training(evaluations: Sequence[EvaluationRecord]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, dict(record.get("cohort") or {}))
        for evaluation in evaluations
        for name, record in evaluation.content.provenance.models.items()
    ]


def _cohort_text(name: str, digest: str) -> str:
    return f"{name} ({digest[:12]})"


def _refuse(problem: str, expected: str) -> None:
    raise UsageError("E004", problem, expected, _REMEDY)
