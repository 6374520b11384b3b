"""Visits: the cases of a group under the names that BIDS has for participants and sessions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from transmodal.cohorts.split.split import NAMES
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError

_SUBJECT = re.compile(r"(?:^|_)(sub-[A-Za-z0-9+]+)")
_SESSION = re.compile(r"(?:^|_)ses-([A-Za-z0-9+]+)")


class Visit(NamedTuple):
    """One case.

    Attributes:
        case: its id.
        patient: whose it is.
        participant: the same as BIDS writes it, such as `sub-01`.
        session: label of the session; empty where the participant has one case.
        split: side of the cohort's split; empty without a cohort.
    """

    case: str
    patient: str
    participant: str
    session: str = ""
    split: str = ""


def of_cohort(cohort: Cohort, cases: Sequence[PreparedCase]) -> tuple[Visit, ...]:
    """Return the visits of a cohort's cases.

    Raises:
        InputError: as `name_visits`.
    """
    sides = {case: name for name in NAMES for case in cohort.split.ids(name)}
    return name_visits({case.id: case.patient for case in cases}, sides)


def of_names(cases: Iterable[str]) -> tuple[Visit, ...]:
    """Return the visits of cases that are known by their names alone: a patient is the subject, else the case.

    Raises:
        InputError: as `name_visits`.
    """
    subjects = {case: _SUBJECT.search(case) for case in cases}
    return name_visits({case: match[1] if match else case for case, match in subjects.items()}, {})


def name_visits(patients: Mapping[str, str], sides: Mapping[str, str]) -> tuple[Visit, ...]:
    """Name participants and sessions by BIDS, which takes letters and digits alone.

    Args:
        patients: by case.
        sides: of the split, by case.

    Raises:
        InputError: E103 for two patients, or two cases of a patient, that would get one name.
    """
    n_cases = Counter(patients.values())
    visits = []
    for case, patient in patients.items():
        session = _SESSION.search(case)
        own = session[1] if session else ""
        if not own and n_cases[patient] > 1:
            own = _plain(case)
        visits.append(Visit(case, patient, participant(patient), own, sides.get(case, "")))
    _check_names(visits)
    return tuple(visits)


def participant(patient: str) -> str:
    """Return a patient as `participant_id`: `sub-` and the letters and digits of the name."""
    return f"sub-{_plain(patient.removeprefix('sub-'))}"


def check_split(name: str) -> str | None:
    """Return the side of a split by its word, None for `all`.

    Raises:
        UsageError: E001 for another word.
    """
    if name not in (*NAMES, "all"):
        raise UsageError("E001", f"--split {name}", f"{', '.join(NAMES)} or all", "Name one of them.")
    return None if name == "all" else name


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", name) or "unnamed"


def _check_names(visits: Sequence[Visit]) -> None:
    patients: dict[str, Visit] = {}
    cases: dict[tuple[str, str], Visit] = {}
    for visit in visits:
        namesake = patients.setdefault(visit.participant, visit)
        twin = cases.setdefault((visit.participant, visit.session), visit)
        if namesake.patient != visit.patient or twin is not visit:
            first = twin if twin is not visit else namesake
            raise InputError(
                "E103",
                f"the cases {first.case} and {visit.case}, which BIDS would give one name, {visit.participant}",
                "patients, and cases of a patient, that letters and digits tell apart",
                "Rename one of them.",
            )
