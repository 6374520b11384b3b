"""The key of a pseudonymous cohort: the patient of each case, in a file for the owner of the data, apart from the cohort."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from transmodal.errors import UsageError
from transmodal.storage import files


def write(rows: Sequence[Mapping[str, str]], path: Path, cohort: Path | None = None) -> None:
    """Write a key as CSV, for its owner alone to read.

    Args:
        rows: all with the same columns.
        path: a new file.
        cohort: a folder in which the key may not lie, as cohorts are passed on.

    Raises:
        UsageError: E005 when the file exists or lies in the cohort.
        ResourceError: E403 when it cannot be written.
    """
    if path.exists():
        raise UsageError(
            "E005", f"{path} exists", "a new file", "Choose another name; keys are not replaced."
        )
    if cohort is not None and path.resolve().is_relative_to(cohort.resolve()):
        raise UsageError("E005", f"{path} in the cohort", "a place apart from it", "Choose another folder.")
    with (
        files.atomic_path(path, mode=0o600) as beside,
        beside.open("w", newline="", encoding="utf-8") as stream,
    ):
        table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
