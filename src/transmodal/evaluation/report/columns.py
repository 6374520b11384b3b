"""Columns of the report's tables: unit, title and signed numbers."""

from __future__ import annotations

from functools import partial

from transmodal.evaluation.drawing import words
from transmodal.evaluation.result import Column


def unit_text(column: Column) -> str:
    """Return the unit; empty where figures have none."""
    return "" if column.unit == "1" else column.unit


def title(column: Column) -> str:
    """Return the label with its unit."""
    return f"{column.label} ({column.unit})" if unit_text(column) else column.label


def signed(value: float, column: Column, plus: str = "", minus: str = words.MINUS) -> str:
    """Return a figure of the column, or a difference of two, with its sign."""
    return words.signed(value, column.text, plus, minus)


def interval(
    ends: tuple[float, float] | None, column: Column, *, absent: str = words.DASH, minus: str = words.MINUS
) -> str:
    """Return an interval of the column's figures; `absent` where there is none."""
    return words.interval(ends, partial(signed, column=column, minus=minus), absent)
