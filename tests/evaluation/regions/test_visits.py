from __future__ import annotations

from pathlib import Path

import pytest

from group_files import write_cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.regions import visits


def test_names_are_those_of_bids() -> None:
    own = visits.name_visits({"a_1": "p 1", "a_2": "p 1", "b": "q", "sub-3_ses-x": "sub-3"}, {"b": "test"})
    assert [(visit.participant, visit.session, visit.split) for visit in own] == [
        ("sub-p1", "a1", ""),
        ("sub-p1", "a2", ""),
        ("sub-q", "", "test"),
        ("sub-3", "x", ""),
    ]


def test_a_patient_without_a_cohort_is_the_subject_of_the_name() -> None:
    first, second, third = visits.of_names(["sub-1_ses-a", "sub-1_ses-b", "anna"])
    assert first.patient == second.patient == "sub-1"
    assert (third.patient, third.participant) == ("anna", "sub-anna")


@pytest.mark.parametrize("patients", [{"a": "p.1", "b": "p1"}, {"c-1": "p", "c1": "p"}])
def test_names_that_bids_cannot_tell_apart_are_refused(patients: dict[str, str]) -> None:
    with pytest.raises(InputError, match="one name"):
        visits.name_visits(patients, {})


def test_sides_of_a_cohorts_split(group: Path) -> None:
    cohort = write_cohort(group)
    assert [visit.split for visit in visits.of_cohort(cohort, cohort.cases())] == ["test"] * 6 + ["train"] * 2
    assert visits.check_split("all") is None
    assert visits.check_split("test") == "test"
    with pytest.raises(UsageError, match="--split tset"):
        visits.check_split("tset")
