"""The table of participants that region tables are joined with, such as a BIDS participants.tsv."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.errors import InputError
from transmodal.evaluation.external.phenotypes import ID_COLUMNS
from transmodal.evaluation.regions.visits import participant
from transmodal.storage import files, tables


class ParticipantTable(NamedTuple):
    """Facts about participants.

    Attributes:
        columns: beside the participants', in order.
        rows: cells by participant and column.
        meanings: of columns, as the JSON file beside the table gives them; empty where there is none.
    """

    columns: tuple[str, ...] = ()
    rows: Mapping[str, Mapping[str, str]] = {}
    meanings: Mapping[str, Any] = {}


def read(path: Path, participants: Collection[str]) -> ParticipantTable:
    """Read a table of participants.

    Args:
        path: CSV or TSV with a column of participants, with or without `sub-`; `participants.json` beside it is read too.
        participants: whose images there are; each needs a row, others are passed over.

    Raises:
        InputError: E100 and E101 as `tables.read`, E103 without a column of participants or with two rows of one, E132
            for one without a row.
    """
    columns, records = tables.read(path)
    own = next((column for column in ID_COLUMNS if column in columns), None)
    if own is None:
        raise InputError(
            "E103",
            f"{path.name} with the columns {', '.join(columns) or 'none'}",
            f"one of {', '.join(ID_COLUMNS)}",
            "Name the column of participants so.",
        )
    rows: dict[str, Mapping[str, str]] = {}
    for record in records:
        name = participant(record.get(own, ""))
        if name in rows:
            raise InputError(
                "E103", f"{path.name}: two rows of {name}", "one row per participant", "Choose one."
            )
        rows[name] = record
    _refuse_lacking(path, rows, participants)
    other_columns = tuple(column for column in columns if column and column != own)
    return ParticipantTable(other_columns, rows, _meanings(path, other_columns))


def _refuse_lacking(path: Path, rows: Collection[str], participants: Collection[str]) -> None:
    names_without_row = [name for name in participants if name not in rows]
    if names_without_row:
        more = f" and {len(names_without_row) - 1} more" if len(names_without_row) > 1 else ""
        raise InputError(
            "E132",
            f"{path.name} without {names_without_row[0]}{more}",
            "a row for every participant with an image",
            "Add the rows; n/a stands for what is not known.",
        )


def _meanings(path: Path, columns: Sequence[str]) -> dict[str, Any]:
    sidecar = path.with_suffix(".json")
    content = files.read_json(sidecar) if sidecar.is_file() else {}
    return {column: content[column] for column in columns if isinstance(content.get(column), dict)}
