"""Patients and cases of the series of a DICOM archive: pseudonyms of patients and cases, a table that names them, and the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.case import MODALITY
from transmodal.cohorts.headers.dicom_series import DicomSeries
from transmodal.cohorts.patient_marks import UNKEYED, PatientKey
from transmodal.errors import InputError
from transmodal.storage import tables

Table = Mapping[str, Mapping[str, str]]
"""The user's table of series, by SeriesInstanceUID: `modality`, perhaps `case`, `patient` and `group`."""


class Naming(NamedTuple):
    """How patients and cases are called.

    Attributes:
        table: the user's names; empty for pseudonyms alone.
        key: pseudonyms are digests under it; by default plain ones, which whoever has the PatientID can make.
    """

    table: Table
    key: PatientKey = UNKEYED

    def digest(self, text: str) -> str:
        """Return what stands for a text in pseudonyms."""
        return self.key.mark(text)[:10]


def case_of(series: DicomSeries, by: str, naming: Naming) -> str:
    """Return the pseudonym of a series' case, which is a `study` or a `patient`.

    Raises:
        InputError: as `patient_of`.
    """
    row = naming.table.get(series.uid, {})
    if row.get("case"):
        return row["case"]
    patient = patient_of(series, naming)
    return patient if by == "patient" else f"{patient}-{naming.digest(series.study)[:6]}"


def patient_of(series: DicomSeries, naming: Naming) -> str:
    """Return the pseudonym of a series' patient: a digest of its PatientID, or as the table says.

    Raises:
        InputError: E103 where neither says whose it is.
    """
    pseudonym = naming.table.get(series.uid, {}).get("patient")
    if pseudonym:
        return pseudonym
    if not series.patient:
        raise InputError(
            "E103",
            f"{series} without PatientID",
            "to know whose it is: a patient must not stand on two sides of a split",
            "Name the patient in a table: --with table=series.csv.",
        )
    return f"p{naming.digest(series.patient)}"


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
    for n, row in enumerate(rows, 2):
        if row["series"] in table or not MODALITY.fullmatch(row["modality"]):
            raise InputError(
                "E103",
                f"{path.name}, row {n}",
                "each series once, with a modality",
                "Correct it.",
            )
        table[row["series"]] = dict(row)
    return table


def key_rows(
    cases: Mapping[str, Mapping[str, Sequence[DicomSeries]]], naming: Naming
) -> list[dict[str, str]]:
    """Return whose each case is, complete or not, for the owner of the data."""
    return [
        {
            "case": case,
            "patient": patient_of(series, naming),
            "patient_id": series.patient,
            "patient_name": series.name,
            "study_date": series.date,
            "study_uid": series.study,
            "series_uid": series.uid,
            "modality": modality,
            "description": series.text,
            "n_images": str(len(series.paths)),
        }
        for case, by_modality in sorted(cases.items())
        for modality, several in sorted(by_modality.items())
        for series in several
    ]
