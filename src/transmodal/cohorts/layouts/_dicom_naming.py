"""Whose the series of a DICOM archive are: pseudonyms of patients and cases, a table that names them, and the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from transmodal.cohorts.case import MODALITY
from transmodal.cohorts.headers.dicom_series import Series
from transmodal.errors import InputError
from transmodal.storage import files, tables

Table = Mapping[str, Mapping[str, str]]
"""What the user says of series, by SeriesInstanceUID: `modality`, perhaps `case`, `patient` and `group`."""


def case_of(one: Series, by: str, table: Table) -> str:
    """Return the pseudonym of a series' case, which is a `study` or a `patient`.

    Raises:
        InputError: as `patient_of`.
    """
    row = table.get(one.uid, {})
    if row.get("case"):
        return row["case"]
    patient = patient_of(one, table)
    return patient if by == "patient" else f"{patient}-{_digest(one.study)[:6]}"


def patient_of(one: Series, table: Table) -> str:
    """Return the pseudonym of a series' patient: a digest of its PatientID, or as the table says.

    Raises:
        InputError: E103 where neither says whose it is.
    """
    named = table.get(one.uid, {}).get("patient")
    if named:
        return named
    if not one.patient:
        raise InputError(
            "E103",
            f"{one} without PatientID",
            "to know whose it is: a patient must not stand on two sides of a split",
            "Name the patient in a table: --with table=series.csv.",
        )
    return f"p{_digest(one.patient)}"


def read_table(path: Path) -> Table:
    """Read what the user says of series.

    Raises:
        InputError: E100, E101 as `tables.read`; E103 without its columns, or for a row that makes no sense.
    """
    rows: Sequence[Mapping[str, str]] = tables.read(path).rows
    if not rows or not {"series", "modality"} <= set(rows[0]):
        raise InputError(
            "E103",
            f"{path.name} without the columns series and modality",
            "both",
            "Name them in its first line.",
        )
    table: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["series"] in table or not MODALITY.fullmatch(row["modality"]):
            raise InputError(
                "E103",
                f"{path.name}, the row of {row['series']}",
                "each series once, with a modality",
                "Correct it.",
            )
        table[row["series"]] = dict(row)
    return table


def key_rows(taken: Mapping[str, Mapping[str, Sequence[Series]]], table: Table) -> list[dict[str, str]]:
    """Return whose each case is, complete or not, for the owner of the data."""
    return [
        {
            "case": case,
            "patient": patient_of(one, table),
            "patient_id": one.patient,
            "patient_name": one.name,
            "study_date": one.date,
            "study_uid": one.study,
            "series_uid": one.uid,
            "modality": what,
            "description": one.text,
            "n_images": str(len(one.paths)),
        }
        for case, mine in sorted(taken.items())
        for what, several in sorted(mine.items())
        for one in several
    ]


def _digest(text: str) -> str:
    return files.sha256_text(text)[:10]
