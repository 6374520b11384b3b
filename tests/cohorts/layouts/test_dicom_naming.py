"""Pseudonyms of patients and cases, a user's table of series, and the key."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from transmodal.cohorts.layouts._dicom_naming import Naming, case_of, key_rows, patient_of, read_table
from transmodal.cohorts.patient_marks import make_key
from transmodal.errors import InputError

PLAIN = Naming({})


def series_of(uid: str, patient: str = "DOE^J", study: str = "1.2.3") -> Any:  # noqa: ANN401  # a fake
    return SimpleNamespace(
        uid=uid, patient=patient, study=study, name="Doe", date="20200101", text="t1 sag", paths=("a", "b")
    )


def test_pseudonyms_follow_from_ids_and_hold_none_of_them() -> None:
    first, second = series_of("1"), series_of("2", study="4.5.6")
    patient = patient_of(first, PLAIN)
    assert patient == patient_of(second, PLAIN) != patient_of(series_of("3", "ROE"), PLAIN)
    assert "DOE" not in patient
    assert case_of(first, "patient", PLAIN) == patient
    assert case_of(first, "study", PLAIN) != case_of(second, "study", PLAIN)
    assert case_of(first, "study", PLAIN).startswith(f"{patient}-")


def test_pseudonyms_under_a_key_cannot_be_made_without_it() -> None:
    series = series_of("1")
    keyed = Naming({}, make_key())
    assert patient_of(series, keyed) == patient_of(series_of("2", study="4.5.6"), keyed)
    assert patient_of(series, keyed) != patient_of(series, PLAIN)
    assert patient_of(series, keyed) != patient_of(series, Naming({}, make_key()))
    # A study's UID is no secret either.
    assert case_of(series, "study", keyed)[-6:] != case_of(series, "study", PLAIN)[-6:]


def test_a_table_goes_before_the_headers() -> None:
    naming = Naming(
        {"1": {"modality": "t1", "case": "s01", "patient": "anna"}, "2": {"modality": "t2", "patient": ""}}
    )
    assert case_of(series_of("1"), "study", naming) == "s01"
    assert patient_of(series_of("1"), naming) == "anna"
    assert patient_of(series_of("2"), naming) == patient_of(series_of("2"), PLAIN)


def test_a_series_of_nobody_needs_a_table() -> None:
    nobody = series_of("1", patient="")
    with pytest.raises(InputError, match="without PatientID") as refused:
        patient_of(nobody, PLAIN)
    assert refused.value.code == "E103"
    assert patient_of(nobody, Naming({"1": {"patient": "p"}})) == "p"


@pytest.mark.parametrize(
    "text",
    [
        "series,kind\n1,t1\n",
        "series,modality\n1,t1\n1,t2\n",
        "series,modality\n1,T1\n",
        "series,modality\n1,mask\n",
    ],
)
def test_tables_that_make_no_sense_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "series.csv").write_text(text)
    with pytest.raises(InputError) as refused:
        read_table(tmp_path / "series.csv")
    assert refused.value.code == "E103"


def test_a_table_is_read_by_series(tmp_path: Path) -> None:
    (tmp_path / "series.csv").write_text("series,modality,case\n1.2,t1,a\n1.3,ct,b\n")
    table = read_table(tmp_path / "series.csv")
    assert table["1.3"] == {"series": "1.3", "modality": "ct", "case": "b"}


def test_the_key_has_a_row_for_each_series_in_order() -> None:
    rows = key_rows(
        {"b": {"t1": [series_of("1")]}, "a": {"t2": [series_of("3")], "t1": [series_of("2")]}}, PLAIN
    )
    assert [(row["case"], row["modality"], row["series_uid"]) for row in rows] == [
        ("a", "t1", "2"),
        ("a", "t2", "3"),
        ("b", "t1", "1"),
    ]
    assert rows[0]["patient_id"] == "DOE^J"
    assert rows[0]["n_images"] == "2"
