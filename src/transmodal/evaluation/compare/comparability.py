"""Which evaluations may stand in one table: one task, one split, one protocol, and no patient that a model learned from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from transmodal.cohorts.case import patient_mark
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.measures import clipping
from transmodal.evaluation.records.read import EvaluationRecord

_REMEDY = "Evaluate them together, with one transmodal evaluate RUN RUN, or compare them apart."


_LEARNED = "training_patients_sha256"
"""Key of a model's record under which its training may say whom it learned from, as `patient_mark` does."""


class Kind(NamedTuple):
    """A metric under a protocol, of which all that is compared has figures."""

    metric: str
    unit: str
    protocol: str
    region: str
    dims: int


def check(evaluations: Sequence[EvaluationRecord]) -> list[str]:
    """Refuse what must not stand in one table; return what a reader has to know of what may.

    Raises:
        UsageError: E004 when tasks, cohorts, splits, cases, protocols or the cohorts that models learned from differ.
        InputError: E135 when a model learned from a patient that it is scored on.
    """
    first = evaluations[0]
    for other in evaluations[1:]:
        for what, ours, theirs in _differences(first, other):
            _refuse(f"{first.path} has the {what} {ours}, {other.path} {theirs}", f"one {what}")
        _check_patients(first, other)
    _check_protocols(evaluations)
    _check_training(evaluations)
    _check_leaks(evaluations)
    return _remarks(evaluations)


def kinds(evaluations: Sequence[EvaluationRecord]) -> list[Kind]:
    """Return the metrics and protocols that every translator of every evaluation has figures of, in order."""
    complete: list[list[Kind]] = []
    for one in evaluations:
        everyone = {*one.content.provenance.models, *one.content.provenance.oracles}
        complete.append([kind for kind, who in _by_kind(one).items() if who == everyone])
    return [kind for kind in complete[0] if all(kind in others for others in complete[1:])]


def _by_kind(one: EvaluationRecord) -> dict[Kind, set[str]]:
    """Return who has figures of every kind."""
    found: dict[Kind, set[str]] = {}
    for row in one.content.rows:
        how = one.content.protocols[row.protocol]
        kind = Kind(row.metric, row.unit, row.protocol, how.region, how.dims)
        found.setdefault(kind, set()).add(row.translator)
    return found


def _differences(first: EvaluationRecord, other: EvaluationRecord) -> Iterable[tuple[str, str, str]]:
    ours, theirs = first.content.provenance, other.content.provenance
    pairs = (
        ("target", ours.task.target, theirs.task.target),
        ("unit", ours.task.unit, theirs.task.unit),
        ("cohort", _cohort(ours.cohort.name, ours.cohort.digest), _cohort(theirs.cohort.name, theirs.cohort.digest)),
        ("split", ours.cohort.split, theirs.cohort.split),
    )  # fmt: skip
    return ((what, one, two) for what, one, two in pairs if one != two)


def _check_patients(first: EvaluationRecord, other: EvaluationRecord) -> None:
    odd = sorted(set(first.patients.items()) ^ set(other.patients.items()))
    if odd:
        case, patient = odd[0]
        where = first if first.patients.get(case) == patient else other
        _refuse(
            f"case {case} of patient {patient} is in {where.path} alone, one of {len(odd)}", "the same cases"
        )


def _check_protocols(evaluations: Sequence[EvaluationRecord]) -> None:
    """Refuse one metric, region and dimension under protocols that have nothing in common."""
    first = evaluations[0]
    ours = _protocols(first)
    for other in evaluations[1:]:
        theirs = _protocols(other)
        for key in ours.keys() & theirs.keys():
            if not ours[key] & theirs[key]:
                _refuse(
                    f"{key[0]} in {first.path} is {min(ours[key])!r}, in {other.path} {min(theirs[key])!r}",
                    "one protocol",
                )


def _protocols(one: EvaluationRecord) -> dict[tuple[str, str, int], set[str]]:
    return {
        key: {kind.protocol for kind in group}
        for key, group in groupby(
            sorted(_by_kind(one), key=lambda kind: (kind.metric, kind.region, kind.dims)),
            key=lambda kind: (kind.metric, kind.region, kind.dims),
        )
    }


def _check_training(evaluations: Sequence[EvaluationRecord]) -> None:
    """Refuse models that learned from different cohorts or splits: data would be compared, not models."""
    learned = [
        (name, str(cohort.get("name")), str(cohort["digest"]))
        for name, cohort in _training(evaluations)
        if "digest" in cohort
    ]
    for name, cohort, digest in learned[1:]:
        if digest != learned[0][2]:
            _refuse(
                f"{learned[0][0]} learned from the cohort and split {_cohort(*learned[0][1:])}, "
                f"{name} from {_cohort(cohort, digest)}",
                "models that learned from one cohort and split",
            )


def _check_leaks(evaluations: Sequence[EvaluationRecord]) -> None:
    first = evaluations[0].content.provenance.cohort
    for one in evaluations:
        patients = sorted(set(one.patients.values()))
        for name, record in one.content.provenance.models.items():
            digest = record.get("cohort", {}).get("digest")
            seen = _seen(evaluations, digest) | set(record.get(_LEARNED, ()))
            learned = [patient for patient in patients if patient_mark(patient) in seen]
            if digest == first.digest and first.split == "train":
                learned = patients
            if learned:
                raise InputError(
                    "E135",
                    f"{one.path}: {name} learned from patient {learned[0]}, one of {len(learned)} that it is scored on",
                    "patients that no model learned from",
                    "Evaluate on the test split of the cohort that the model was trained on, or on another cohort.",
                )


def _seen(evaluations: Sequence[EvaluationRecord], digest: object) -> set[str]:
    """Return the marks of the patients that a cohort trains on, as far as an evaluation says them."""
    cohorts = [one.content.provenance.cohort for one in evaluations]
    return {mark for one in cohorts if one.digest == digest for mark in one.training_patients_sha256 or ()}


def _remarks(evaluations: Sequence[EvaluationRecord]) -> list[str]:
    own = evaluations[0].content.provenance.cohort
    remarks = list(dict.fromkeys(note for one in evaluations for note in one.content.provenance.notes))
    if own.simulated:
        remarks.append(f"Simulated, measured by no scanner: {', '.join(own.simulated)}.")
    if own.split == "validation":
        remarks.append("Validation split: the models' best checkpoints were chosen on these patients.")
    told = {
        name
        for one in evaluations
        for name, record in one.content.provenance.models.items()
        if _LEARNED in record
    }
    for name, cohort in _training(evaluations):
        if name in told:
            continue
        if "digest" not in cohort:
            remarks.append(f"{name}: what it learned from is not recorded, so a leak cannot be excluded.")
        elif cohort["digest"] != own.digest:
            remarks.append(
                f"{name} learned from the cohort {_cohort(str(cohort.get('name')), str(cohort['digest']))}, whose "
                "patients are not recorded here, so a leak cannot be excluded."
            )
    records = {name: record for one in evaluations for name, record in one.content.provenance.models.items()}
    return list(dict.fromkeys([*remarks, *clipping.unclipped(records)]))


def _training(evaluations: Sequence[EvaluationRecord]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (name, dict(record.get("cohort") or {}))
        for one in evaluations
        for name, record in one.content.provenance.models.items()
    ]


def _cohort(name: str, digest: str) -> str:
    return f"{name} ({digest[:12]})"


def _refuse(got: str, expected: str) -> None:
    raise UsageError("E004", got, expected, _REMEDY)
