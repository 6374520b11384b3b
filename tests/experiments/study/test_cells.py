"""A record's tables as text: values with intervals, tests and notes, and counts that differ."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from transmodal.evaluation.drawing.words import DASH, MINUS
from transmodal.experiments.study.cells import text_table
from transmodal.experiments.study.record import StudyFigure, StudyRecord, StudyTable

RecordOf = Callable[..., StudyRecord]


def test_a_cell_says_value_interval_test_and_note(record_of: RecordOf) -> None:
    figures = (
        StudyFigure(
            table="Main", row="unet", group="left", figure="r", value=-0.5, interval=(-0.8, 0.123), n=6
        ),
        StudyFigure(table="Main", row="unet", group="left", figure="slope", value=1.0, n=5, p=0.0004),
        StudyFigure(table="Main", row="gan", group="left", figure="r", value=None, note="does not vary", n=6),
    )
    record = record_of(
        *figures, tables=(StudyTable(name="Main", caption="c", group_heading="side", decimals=2),)
    )
    table = text_table(record, record.tables[0])
    assert table.headings == ("translator", "side", "r", "slope", "n")
    assert table.lines == (
        ("unet", "left", f"{MINUS}0.50 ({MINUS}0.80 to 0.12)", "1.00, p <0.001", "5 to 6"),
        ("gan", "left", f"{DASH} (does not vary)", "", "6"),
    )
    assert table.n_text_columns == 2


def test_counts_have_no_decimals(record_of: RecordOf) -> None:
    figures = (
        StudyFigure(table="Main", row="unet", figure="enough", value=4),
        StudyFigure(table="Main", row="unet", figure="MAE", value=4),
    )
    record = record_of(
        *figures, tables=(StudyTable(name="Main", caption="c", decimals=1, whole=("enough",)),)
    )
    assert text_table(record, record.tables[0]).lines == (("unet", "4", "4.0"),)


def test_without_groups_and_counts_their_columns_are_left_out(record_of: RecordOf) -> None:
    record = record_of(StudyFigure(table="Main", row="unet", figure="r", value=0.5, note="one seed"))
    table = text_table(record, record.tables[0])
    assert table == (("translator", "r"), (("unet", "0.50; one seed"),), 1)


@pytest.mark.parametrize(
    ("value", "ends", "cell"),
    [
        (209.127, (161.953, 280.347), "209.1 (162.0 to 280.3)"),
        (1234.56, (1200.4, 1300.6), "1235 (1200 to 1301)"),
        (15.3778, (14.3, 16.18712), "15.38 (14.30 to 16.19)"),
        (0.35698, (0.11301, 0.5), "0.3570 (0.1130 to 0.5000)"),
    ],
)
def test_a_cell_has_no_digits_that_say_nothing(
    record_of: RecordOf, value: float, ends: tuple[float, float], cell: str
) -> None:
    figure = StudyFigure(table="Main", row="unet", figure="mae", value=value, interval=ends)
    record = record_of(figure, tables=(StudyTable(name="Main", caption="c", decimals=4),))
    assert text_table(record, record.tables[0]).lines == (("unet", cell),)
