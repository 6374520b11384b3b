"""A study in Markdown: details are for the page, and charts lie beside it."""

from __future__ import annotations

from collections.abc import Callable

from transmodal.experiments.study.markdown import charts, page, tables
from transmodal.experiments.study.record import StudyChart, StudyFigure, StudyRecord, StudyTable

RecordOf = Callable[..., StudyRecord]
FIGURE = StudyFigure(table="Main", row="a|b", figure="r", value=0.5)


def test_the_terminal_shows_tables_without_details_and_the_page_all(record_of: RecordOf) -> None:
    record = record_of(
        FIGURE,
        FIGURE.model_copy(update={"table": "Detail"}),
        tables=(
            StudyTable(name="Main", caption="All of it."),
            StudyTable(name="Detail", caption="More.", is_detail=True),
        ),
        charts=(StudyChart(table="Main", figure="r", caption="A chart."),),
        findings=("It works.",),
    )
    assert "| a\\|b | 0.50 |" in tables(record)
    assert "Detail" not in tables(record)
    text = page(record)
    assert list(charts(record)) == ["example-1.svg"]
    assert "Detail" not in text
    for part in (
        "# Example",
        "- It works.",
        "**How to read it.** Look at it.",
        "](example-1.svg)",
        "## Main",
    ):
        assert part in text
