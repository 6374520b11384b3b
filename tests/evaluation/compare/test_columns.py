"""A column shows a row's figure, and gives the page a number to sort by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from transmodal.evaluation.compare.columns import table_columns
from transmodal.evaluation.compare.compare import Comparison, compare

Maker = Any


def _cells(comparison: Comparison, row: int) -> dict[str, str]:
    return {column.heading: column.cell(comparison.rows[row]) for column in table_columns(comparison)}


def test_the_reference_and_an_oracle_lack_what_they_do_not_have(make: Maker) -> None:
    comparison = compare(make.pair())
    reference, oracle = _cells(comparison, 0), _cells(comparison, 2)
    assert reference["Difference to unet"] == "reference"
    assert (reference["p (Holm)"], reference["r"]) == ("\N{EN DASH}", "\N{EN DASH}")
    assert (oracle["Trainings"], oracle["Parameters"]) == ("\N{EN DASH}", "\N{EN DASH}")
    assert not any(heading.startswith("At most") for heading in reference)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "\N{EN DASH}"), (0.123, "0.12 s"), (42.4, "42 s"), (600.0, "10 min"), (9000.0, "2.5 h")],
)
def test_times_are_written_in_the_unit_that_fits(make: Maker, seconds: float | None, text: str) -> None:
    comparison = compare(make.pair())
    rows = (replace(comparison.rows[0], training_seconds=seconds), *comparison.rows[1:])
    assert _cells(replace(comparison, rows=rows), 0)["Training"] == text


@pytest.mark.parametrize(("parameters", "text"), [(12, "12"), (57_000, "57 k"), (4_864_961, "4.86 M")])
def test_parameters_are_rounded(make: Maker, parameters: int, text: str) -> None:
    comparison = compare(make.pair())
    rows = (replace(comparison.rows[0], parameters=parameters), *comparison.rows[1:])
    assert _cells(replace(comparison, rows=rows), 0)["Parameters"] == text


def test_a_margin_has_a_column(make: Maker) -> None:
    comparison = compare(make.pair(), margin=100.0)
    cells = [_cells(comparison, row)["At most 100 HU worse"] for row in range(3)]
    assert cells == ["\N{EN DASH}", "shown", "shown"]


def test_the_page_sorts_by_numbers(make: Maker) -> None:
    comparison = compare(make.pair())
    value = {column.heading: column.value for column in table_columns(comparison)}
    assert value["Translator"] is None
    median = value["Median"]
    assert median is not None
    assert median(comparison.rows[1]) == comparison.rows[1].description.median
