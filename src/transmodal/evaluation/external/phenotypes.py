"""Strata of patients by the columns of a phenotype table, such as a BIDS participants.tsv."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation.external.strata import Strata
from transmodal.storage import files, tables

ID_COLUMNS = ("participant_id", "patient", "patient_id", "subject", "subject_id")
UNKNOWN = "not recorded"
MOST = 12
"""Strata of one column: with more, few patients are in each, and numbers need cuts."""
_MISSING = {"", "n/a", "na", "nan", "none", "null"}

Table = Mapping[str, Mapping[str, str]]


class By(NamedTuple):
    """A column, and where its numbers are cut; without cuts each of its values is a stratum."""

    column: str
    cuts: tuple[float, ...] = ()


class Phenotypes(NamedTuple):
    """A table and the columns to part patients by.

    Attributes:
        table: CSV or TSV.
        by: columns as `parse` reads them.
    """

    table: Path
    by: tuple[str, ...]

    def of(self, cases: Sequence[PreparedCase]) -> Strata:
        """Part the cases' patients; raises as `read`."""
        return read(self.table, self.by, tuple(dict.fromkeys(case.patient for case in cases)))


def parse(text: str) -> By:
    """Read `site` or `age:10,20`; the cuts part the numbers into below 10, from 10 to below 20, from 20 on.

    Raises:
        UsageError: E001 for cuts that are no ascending numbers.
    """
    column, colon, numbers = text.partition(":")
    try:
        cuts = tuple(float(number) for number in numbers.split(",")) if colon else ()
    except ValueError:
        cuts = (math.nan,)
    if not column or not all(map(math.isfinite, cuts)) or any(a >= b for a, b in pairwise(cuts)):
        raise UsageError(
            "E001",
            f"--by {text}",
            "a column, or a column and ascending cuts such as age:10,20",
            "Write it so.",
        )
    return By(column, cuts)


def read(path: Path, by: Sequence[str], patients: Sequence[str]) -> Strata:
    """Part patients by columns of a table.

    Args:
        path: CSV or TSV with a heading; one column holds the patients (`ID_COLUMNS`), with or without `sub-`.
        by: as `parse` reads them.
        patients: of the cohort; each needs a row, others are passed over.

    Raises:
        UsageError: E001 for columns as in `parse` or without cuts and with too many values, E002 for a column that
            is not there.
        InputError: E100 when there is no such file, E103 for a table without a column of patients, for two
            unlike rows of one patient, or for what is no number where numbers are cut, E132 for a patient
            without a row.
    """
    table, columns = _table(Path(path), patients)
    groups = {}
    for part in map(parse, by):
        if part.column not in columns:
            raise _unknown(part.column, columns)
        values = {patient: table[patient][part.column] for patient in patients}
        groups[part.column] = _cut(part, values) if part.cuts else _group_by_value(part, values)
    return Strata("table of phenotypes", files.sha256_file(path), groups)


def read_numbers(path: Path, column: str, patients: Sequence[str]) -> NDArray[np.float64]:
    """Return one number per patient, NaN where it is not recorded.

    Args:
        path: CSV or TSV, as `read` takes it.
        column: of numbers.
        patients: of the cohort; each needs a row.

    Raises:
        UsageError: E002 for a column that is not there.
        InputError: as `read`; E103 for what is no number.
    """
    table, columns = _table(Path(path), patients)
    if column not in columns:
        raise _unknown(column, columns)
    numbers = []
    for patient in patients:
        value = table[patient][column]
        number = math.nan if value.lower() in _MISSING else _number(value)
        if number is None:
            raise InputError(
                "E103",
                f"{column} with a value that is no number",
                "numbers, or n/a",
                "Choose another column.",
            )
        numbers.append(number)
    return np.array(numbers, dtype=np.float64)


def _table(path: Path, patients: Sequence[str]) -> tuple[Table, tuple[str, ...]]:
    """Return the patients' rows, and the columns beside the patients'."""
    columns, rows = tables.read(path)
    id_column = next((column for column in ID_COLUMNS if column in columns), None)
    if id_column is None:
        raise InputError(
            "E103",
            f"{path.name} with the columns {', '.join(columns) or 'none'}",
            f"one of {', '.join(ID_COLUMNS)}",
            "Name the column of patients so.",
        )
    by_id: dict[str, dict[str, str]] = {}
    for record in rows:
        row = {name: cell for name, cell in record.items() if name != id_column}
        patient = record[id_column]
        if by_id.setdefault(patient, row) != row:
            raise InputError(
                "E103",
                f"{path.name}: two unlike rows of patient {patient}",
                "one row per patient",
                "Choose one.",
            )
    own = {patient: by_id.get(patient) or by_id.get(f"sub-{patient}") for patient in patients}
    missing = [patient for patient, row in own.items() if row is None]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            "E132",
            f"{path.name} without patient {missing[0]}{more}",
            "a row for every patient that is scored",
            "Add the rows; n/a stands for what is not known.",
        )
    return {patient: row for patient, row in own.items() if row}, tuple(
        column for column in columns if column != id_column
    )


def _group_by_value(by: By, values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Make a stratum of every value, in the order of numbers or letters; unknown ones last."""
    names = {UNKNOWN if value.lower() in _MISSING else value for value in values.values()}
    if len(names) > MOST:
        raise UsageError(
            "E001",
            f"{by.column} with {len(names)} values",
            f"{MOST} at most",
            f"Cut its numbers, as in --by {by.column}:10,20, or add a column of groups to the table.",
        )
    ordered = sorted(names - {UNKNOWN}, key=_order) + [UNKNOWN] * (UNKNOWN in names)
    return {
        name: tuple(
            patient
            for patient, value in values.items()
            if (UNKNOWN if value.lower() in _MISSING else value) == name
        )
        for name in ordered
    }


def _order(value: str) -> tuple[bool, float, str]:
    number = _number(value)
    return (number is None, 0.0 if number is None else number, value)


def _cut(by: By, values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Make the strata between cuts that some patient is in; unknown ones last."""
    edges = (-math.inf, *by.cuts, math.inf)
    strata: dict[str, list[str]] = {_between(low, high): [] for low, high in pairwise(edges)}
    strata[UNKNOWN] = []
    for patient, value in values.items():
        number = _number(value)
        if value.lower() in _MISSING:
            strata[UNKNOWN].append(patient)
        elif number is None:
            raise InputError(
                "E103",
                f"{by.column} {value!r} of patient {patient}",
                "a number, or n/a",
                f"Correct it, or leave the cuts out: --by {by.column}.",
            )
        else:
            low, high = next((low, high) for low, high in pairwise(edges) if low <= number < high)
            strata[_between(low, high)].append(patient)
    return {name: tuple(patients) for name, patients in strata.items() if patients}


def _between(low: float, high: float) -> str:
    if low == -math.inf:
        return f"below {high:.12g}"
    return f"{low:.12g} and above" if high == math.inf else f"{low:.12g} to below {high:.12g}"


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unknown(column: str, columns: Sequence[str]) -> UsageError:
    return UsageError(
        "E002",
        f"the column {column}",
        ", ".join(columns) or "a table with columns",
        suggest(column, columns, "Name one of them.", cutoff=0.4),
    )
