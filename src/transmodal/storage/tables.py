"""Tables of text: the one reader of CSV and TSV as spreadsheets, registries and data portals export them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.errors import InputError
from transmodal.storage import placeholders, regular, streams

_BUDGET_BYTES = 256 << 20
_DELIMITERS = ("\t", ";", ",")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of .xlsx and .ods, and of the older .xls."""
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_EXPECTED = "a heading and rows, divided by commas, semicolons or tabs"


class Table(NamedTuple):
    """A table.

    Attributes:
        columns: names in the heading, in order, each once.
        rows: cells by column, without white space around them; rows without any cell are not there.
    """

    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, str]]


def read(path: Path) -> Table:
    """Read a table in UTF-8, UTF-16 or Latin-1 (Windows-1252), divided by commas, semicolons or tabs.

    UTF-8 and UTF-16 are told by their byte order mark; without one, what is no UTF-8 is taken for Windows-1252. The
    heading says what divides the columns. Cells that are missing at the end of a row are empty.

    Raises:
        InputError: E100 when there is no such file, E101 when it is no table, E102 for a workbook, E103 for a column
            that is there twice or a row with more cells than columns, E138 for a placeholder.
        ResourceError: E401 beyond the budget, E403 when it may not be read.
    """
    path = Path(path)
    if not path.is_file():
        placeholders.refuse(path)
        raise InputError("E100", f"no file {path}", "a CSV or TSV table", "Check the path.")
    placeholders.refuse(path)
    with streams.guarded(path.name, "CSV or TSV table"):
        streams.check_budget(path.name, path.stat().st_size, _BUDGET_BYTES)
        content = regular.read_bytes(path)
    lines = _decode(path, content)
    heading = next((line for line in lines.splitlines() if line.strip()), "")
    try:
        records = list(
            csv.reader(
                io.StringIO(lines, newline=""),
                delimiter=_delimiter(heading),
                skipinitialspace=True,
                strict=True,
            )
        )
    except csv.Error as error:
        raise InputError("E101", f"{path.name}: {error}", _EXPECTED, "Export it again.") from error
    filled = [
        (number, [cell.strip() for cell in record])
        for number, record in enumerate(records, 1)
        if any(cell.strip() for cell in record)
    ]
    if not filled:
        return Table((), ())
    (_, names), *body = filled
    columns = _columns(path, names)
    return Table(columns, [_row(path, columns, number, cells) for number, cells in body])


def _decode(path: Path, content: bytes) -> str:
    if content.startswith(_WORKBOOKS):
        raise InputError("E102", f"{path.name} is a workbook", "CSV or TSV", "Save its sheet as CSV.")
    marked = next((encoding for mark, encoding in _BOMS if content.startswith(mark)), "")
    try:
        text = content.decode(marked or "utf-8")
    except UnicodeDecodeError as error:
        if marked:
            raise InputError("E101", f"{path.name}: {error}", _EXPECTED, "Export it again.") from error
        # Latin-1 is Windows-1252 where it prints anything; bytes that neither prints stay what they are.
        text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise InputError(
            "E101", f"{path.name} holds zero bytes", "a table of text", "Save it as CSV in UTF-8."
        )
    return text


def _delimiter(heading: str) -> str:
    """Return what divides a heading: what stands in it most often outside quotes, a tab before a comma."""
    bare = Counter("".join(heading.split('"')[::2]))
    return (
        max(_DELIMITERS, key=lambda delimiter: bare[delimiter])
        if any(bare[delimiter] for delimiter in _DELIMITERS)
        else ","
    )


def _columns(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    while names and not names[-1]:  # spreadsheets export empty columns at the right
        names = names[:-1]
    twice = [name for name, n in Counter(names).items() if n > 1 and name]
    if twice:
        raise InputError(
            "E103", f"{path.name} with two columns {twice[0]!r}", "a name of its own for each", "Rename one."
        )
    return tuple(names)


def _row(path: Path, columns: Sequence[str], number: int, cells: Sequence[str]) -> dict[str, str]:
    if any(cells[len(columns) :]):
        raise InputError(
            "E103",
            f"{path.name}, row {number} ({cells[0]}) with {len(cells)} cells",
            f"{len(columns)} values, as the heading has columns",
            "Put cells that hold the divider into quotes, or take what is too much out.",
        )
    padded = [*cells[: len(columns)], *[""] * (len(columns) - len(cells))]
    return {name: cell for name, cell in zip(columns, padded, strict=True) if name}
