"""Names of a segmentation's labels, as a table says them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from transmodal.errors import InputError
from transmodal.storage import files, tables

COLUMNS = ("label", "name")


def read(path: Path) -> dict[int, str]:
    """Read names of labels from a CSV or TSV table with the columns label and name; others are not looked at.

    Args:
        path: the table; a table of label colours with a column of names does.

    Raises:
        InputError: E103 for other columns, a label that is no whole number above 0 or is there twice, or an empty
            name, and as `tables.read`.
    """
    names: dict[int, str] = {}
    for row in tables.read(path).rows:
        text, name = (row.get(column, "") for column in COLUMNS)
        is_label = text.isascii() and text.isdigit() and int(text) not in names
        if not is_label or not name:
            raise InputError(
                "E103",
                f"{Path(path).name} with {dict(row)}",
                "columns label and name; whole numbers, each once, and a name for each",
                "Correct the table.",
            )
        names[int(text)] = name
    return {label: name for label, name in sorted(names.items()) if label > 0}


def read_agreed(records: Iterable[Path]) -> dict[int, str]:
    """Return the names of labels on which the `case.json` of all cases that name labels agree.

    Args:
        records: files that may hold `labels`, numbers by name; those that do not exist or hold none do not count.
    """
    candidates: dict[int, set[str]] = {}
    for path in records:
        for name, label in _labels(path).items():
            if isinstance(label, int) and label > 0:
                candidates.setdefault(label, set()).add(name)
    return {label: names.pop() for label, names in sorted(candidates.items()) if len(names) == 1}


def _labels(path: Path) -> Mapping[str, Any]:
    data = files.read_json(path) if path.is_file() else {}
    labels = data.get("labels", {})
    return labels if isinstance(labels, dict) else {}
