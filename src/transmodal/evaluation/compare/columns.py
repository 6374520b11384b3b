"""The columns of a comparison's table: what each shows of a row, and what the page sorts it by."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from transmodal.evaluation.compare.captions import metric_heading
from transmodal.evaluation.compare.compare import Comparison
from transmodal.evaluation.compare.row import ComparisonRow
from transmodal.evaluation.drawing import words
from transmodal.evaluation.drawing.words import DASH

Write = Callable[[float | None], str]
"""Formats the numbers of a column."""


class TableColumn(NamedTuple):
    """A column of the shown table.

    Attributes:
        heading: of the column.
        cell: text of a row's cell.
        value: number that the page sorts rows by, None in rows that go last; without it they are sorted by their cells.
    """

    heading: str
    cell: Callable[[ComparisonRow], str]
    value: Callable[[ComparisonRow], float | None] | None = None


def table_columns(comparison: Comparison) -> list[TableColumn]:
    """Return all columns, from left to right."""
    margin = []
    if comparison.margin is not None:
        heading = f"At most {comparison.margin:g} {comparison.primary.unit} worse"
        margin = [TableColumn(heading, _non_inferiority)]
    return [
        *_primary_columns(comparison),
        *margin,
        *(_secondary_column(comparison, n) for n in range(len(comparison.secondary))),
        *_COST_COLUMNS,
    ]


def _primary_columns(comparison: Comparison) -> list[TableColumn]:
    number = _number_writer(_reference(comparison).description.mean)
    return [
        TableColumn("Translator", lambda row: row.name),
        TableColumn(
            "Trainings",
            lambda row: str(row.trainings) if row.trainings else DASH,
            lambda row: row.trainings or None,
        ),
        TableColumn(
            metric_heading(comparison, comparison.primary),
            lambda row: words.spread(row.description.mean, row.description.sd, number),
            lambda row: row.description.mean,
        ),
        TableColumn(
            "95 % of the mean",
            lambda row: words.interval(row.description.of_mean, number),
            lambda row: row.description.of_mean and row.description.of_mean.low,
        ),
        TableColumn("Median", lambda row: number(row.description.median), lambda row: row.description.median),
        TableColumn(
            f"Difference to {comparison.reference}",
            lambda row: _difference(row, number),
            lambda row: row.difference.mean if row.difference else 0.0,
        ),
        TableColumn("p (Holm)", lambda row: words.p_value(row.p), lambda row: row.p),
        TableColumn(
            "r",
            lambda row: f"{row.difference.rank_biserial:+.2f}" if row.difference else DASH,
            lambda row: row.difference and row.difference.rank_biserial,
        ),
    ]


def _reference(comparison: Comparison) -> ComparisonRow:
    return next(row for row in comparison.rows if row.name == comparison.reference)


def _secondary_column(comparison: Comparison, n: int) -> TableColumn:
    number = _number_writer(_reference(comparison).secondary[n].mean)
    return TableColumn(
        metric_heading(comparison, comparison.secondary[n]),
        lambda row: words.spread(*row.secondary[n], number),
        lambda row: row.secondary[n].mean,
    )


def _number_writer(typical: float | None) -> Write:
    """Return how the numbers of a column are written: with four digits of a typical one, four decimals at most."""
    places = min(4, max(0, 3 - math.floor(math.log10(abs(typical))))) if typical else 4
    return lambda value: DASH if value is None else words.true_minus(f"{value:.{places}f}")


def _difference(row: ComparisonRow, number: Write) -> str:
    if row.difference is None:
        return "reference"
    text = number(row.difference.mean)
    ends = row.difference.interval
    return f"{text} ({words.interval(ends, number)})" if ends else text


def _non_inferiority(row: ComparisonRow) -> str:
    if row.non_inferiority is None or row.non_inferiority.is_shown is None:
        return DASH
    return "shown" if row.non_inferiority.is_shown else "not shown"


def _parameters(n: int) -> str:
    return f"{n / 1e6:.3g} M" if n >= 1e5 else f"{n / 1e3:.3g} k" if n >= 1000 else str(n)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return DASH
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


_COST_COLUMNS = (
    TableColumn(
        "Parameters",
        lambda row: DASH if row.parameters is None else _parameters(row.parameters),
        lambda row: row.parameters,
    ),
    TableColumn("Training", lambda row: _duration(row.training_seconds), lambda row: row.training_seconds),
    TableColumn("Per volume", lambda row: _duration(row.seconds), lambda row: row.seconds),
)
