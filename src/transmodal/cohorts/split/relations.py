"""Relations of cases that tables and words tell: which are of one patient, and which patients are kept together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transmodal.cohorts.manifest import CaseEntry
from transmodal.errors import InputError, UsageError
from transmodal.storage import tables

_NAMES = re.compile(r"(?i)(.*(case|patient|subject|participant)([ _-]?(id|name))?|brats.*)$")
"""Columns whose cells are names of cases or patients, such as those of BraTS's own tables of names."""
_USUAL = ("group", "family")


@dataclass(frozen=True, slots=True)
class Relations:
    """Relations between cases that their files do not tell.

    Attributes:
        same_patient: names of cases or patients, each tuple of which is one patient.
        groups: the group that a case or patient is kept together with, such as `family 12` or `site Guys`, by name;
            outranks the layout's.
    """

    same_patient: tuple[tuple[str, ...], ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)

    def apply(self, entries: Sequence[CaseEntry]) -> list[CaseEntry]:
        """Return the entries with one name for every patient, and with their groups.

        Of several names of a patient the first in the alphabet is kept; names that no case has do nothing,
        so that a table can be longer than a cohort.

        Raises:
            InputError: E132 when there are relations and none of their names is a case's or patient's.
        """
        existing = {name for entry in entries for name in (entry.id, entry.patient)}
        related = {name for names in self.same_patient for name in names} | set(self.groups)
        if related and not related & existing:
            raise InputError(
                "E132",
                f"{len(related)} names in the table of groups or --same-patient, such as {min(related)}, of no case",
                f"names of cases or patients, such as {entries[0].id}",
                "Correct the names, or the columns: case, patient, or one whose name ends so.",
            )
        patient_of = self._patients(entries)
        return [
            entry.model_copy(
                update={
                    "patient": patient_of[entry.patient],
                    "group": self.groups.get(entry.id) or self.groups.get(entry.patient) or entry.group,
                }
            )
            for entry in entries
        ]

    def _patients(self, entries: Sequence[CaseEntry]) -> dict[str, str]:
        """Return one name for each patient; names that no case has join those beside them all the same."""
        patient_of = {entry.id: entry.patient for entry in entries}
        patients = sorted({entry.patient for entry in entries})
        owner = {name: name for name in patients}

        def root(name: str) -> str:
            while owner.setdefault(name, name) != name:
                name = owner[name]
            return name

        for names in self.same_patient:
            roots = {root(name if name in owner else patient_of.get(name, name)) for name in names}
            owner |= dict.fromkeys(roots, min(roots))
        first: dict[str, str] = {}
        return {name: first.setdefault(root(name), name) for name in patients}


def read_relations(pairs: Iterable[str] = (), tables: Iterable[Path] = (), by: str = "") -> Relations:
    """Return the relations that words and tables of a command line give.

    A table is CSV or TSV. The columns `case`, `patient`, `subject`, their `..._id`, and
    those that start with `BraTS` hold names: all of a row are one patient.

    Args:
        pairs: `A=B`: names of cases or patients that are one patient.
        tables: files.
        by: column whose value keeps rows together; where empty, `group` or `family` if there is one.

    Raises:
        UsageError: E001 for a word that is no pair, E004 for a column without a table.
        InputError: E100, E101 for a table that cannot be read or lacks its columns.
    """
    same_patient = [_parse_pair(word) for word in pairs]
    groups: dict[str, str] = {}
    tables = list(tables)
    if by and not tables:
        raise UsageError("E004", f"--group-by {by} without a table", "--groups TABLE", "Name the table.")
    for path in tables:
        table = _read_table(path, by)
        same_patient += table.same_patient
        groups |= table.groups
    return Relations(tuple(same_patient), groups)


def _parse_pair(word: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in word.split("="))
    if len(names) < 2 or not all(names):
        raise UsageError("E001", f"--same-patient {word}", "A=B, names of cases or patients", "Correct it.")
    return names


def _read_table(path: Path, by: str) -> Relations:
    """Return the relations of one table."""
    rows = _rows(path)
    columns = [column for column in rows[0] if _NAMES.match(column) and column != by]
    group_column = by or next((column for column in _USUAL if column in rows[0]), "")
    if not columns or (group_column and group_column not in rows[0]):
        raise InputError(
            "E101",
            f"{path.name} with the columns {', '.join(rows[0])}",
            f"case or patient{f', and {group_column}' if group_column else ''}",
            "Rename the columns, or choose another with --group-by.",
        )
    same_patient: list[tuple[str, ...]] = []
    groups: dict[str, str] = {}
    for row in rows:
        names = tuple(dict.fromkeys(row[column] for column in columns if row[column]))
        same_patient += [names] if len(names) > 1 else []
        if group_column and row[group_column]:
            groups |= dict.fromkeys(names, f"{group_column} {row[group_column]}")
    return Relations(tuple(same_patient), groups)


def _rows(path: Path) -> Sequence[Mapping[str, str]]:
    rows = tables.read(path).rows
    if not rows:
        raise InputError("E101", f"{path.name} without a row", "a heading and rows", "Export it again.")
    return rows
