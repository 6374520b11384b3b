"""The tables of a record as cells of text: the same for the page, the docs and the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from transmodal.evaluation.drawing.words import DASH, interval, p_value, true_minus
from transmodal.experiments.study.record import StudyFigure, StudyRecord, StudyTable


class TextTable(NamedTuple):
    """A table as text.

    Attributes:
        headings: of the columns; the first are row and, where the rows have parts, group.
        lines: cells, one tuple per row and group.
        n_text_columns: how many columns hold names.
    """

    headings: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    n_text_columns: int


def text_table(record: StudyRecord, table: StudyTable) -> TextTable:
    """Return a table of a record; a cell is a value with its interval, its p-value and its note.

    Args:
        record: whose figures stand in it.
        table: of the record.
    """
    figures = record.of_table(table.name)
    columns = list(dict.fromkeys(figure.figure for figure in figures))
    places = list(dict.fromkeys((figure.row, figure.group) for figure in figures))
    by_place = {(figure.row, figure.group, figure.figure): figure for figure in figures}
    has_groups = any(group for _, group in places)
    has_counts = any(figure.n for figure in figures)
    lines = []
    for row, group in places:
        own = [by_place[row, group, column] for column in columns if (row, group, column) in by_place]
        cells = [
            _cell(by_place.get((row, group, column)), 0 if column in table.whole else table.decimals)
            for column in columns
        ]
        names = (row, group) if has_groups else (row,)
        lines.append((*names, *cells, *((_counts(own),) if has_counts else ())))
    heads = (table.row_heading, table.group_heading) if has_groups else (table.row_heading,)
    return TextTable((*heads, *columns, *(("n",) if has_counts else ())), tuple(lines), len(heads))


def _cell(figure: StudyFigure | None, decimals: int) -> str:
    if figure is None:
        return ""
    if figure.value is None:
        return f"{DASH} ({figure.note})" if figure.note else DASH

    decimals = _fewer(decimals, figure.value)

    def write(value: float) -> str:
        return true_minus(f"{value:.{decimals}f}")

    ends = f" ({interval(figure.interval, write)})" if figure.interval is not None else ""
    test = f", p {p_value(figure.p)}" if figure.p is not None else ""
    note = f"; {figure.note}" if figure.note else ""
    return f"{write(figure.value)}{ends}{test}{note}"


def _fewer(decimals: int, value: float) -> int:
    """Return the decimals that leave a value four digits: 209.1 and not 209.1270, whose last ones say nothing."""
    before_point = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return max(0, min(decimals, 4 - before_point))


def _counts(figures: Sequence[StudyFigure]) -> str:
    counts = sorted({figure.n for figure in figures if figure.n})
    return "" if not counts else str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
