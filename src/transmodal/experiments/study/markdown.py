"""A study as Markdown: its tables on a terminal, and its page in the docs."""

from __future__ import annotations

from collections.abc import Mapping

from transmodal.evaluation.drawing.tables import escape_markdown, markdown_table
from transmodal.experiments.study.cells import text_table
from transmodal.experiments.study.page import origin_lines
from transmodal.experiments.study.record import StudyRecord, StudyTable
from transmodal.experiments.study.svg import draw


def tables(record: StudyRecord) -> str:
    """Return the tables that are no detail, as a terminal shows them."""
    return "\n\n".join(
        f"{table.name}\n\n{_table(record, table)}" for table in record.tables if not table.is_detail
    )


def page(record: StudyRecord) -> str:
    """Return the page of a study in the docs, without details; its charts lie beside it, as `charts` names them."""
    names = list(charts(record))
    findings = [f"- {sentence}" for sentence in record.findings]
    drawings = [
        f"![{escape_markdown(chart.caption)}]({name})\n\n*{chart.caption}*"
        for name, chart in zip(names, record.charts, strict=True)
    ]
    sections = [
        f"## {table.name}\n{table.caption}\n\n{_table(record, table)}"
        for table in record.tables
        if not table.is_detail
    ]
    origin = "\n".join(f"- {line}" for line in origin_lines(record))
    parts = [
        f"# {record.study.replace('-', ' ').capitalize()}\n{record.about}",
        "\n".join(findings),
        f"**How to read it.** {record.reading}",
        *drawings,
        *sections,
        f"## How it was taken\n{origin}\n- Every figure, with the SHA-256 of recipes and weights, stands in "
        f"`docs/results/studies/{record.study}.json`.",
        f"*{record.intended_use}*",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def charts(record: StudyRecord) -> Mapping[str, str]:
    """Return the charts of a record as SVG, by the name of a file each."""
    return {
        f"{record.study}-{n}.svg": draw(record, chart) + "\n"
        for n, chart in enumerate(record.charts, start=1)
    }


def _table(record: StudyRecord, table: StudyTable) -> str:
    text = text_table(record, table)
    return markdown_table(text.headings, [[escape_markdown(cell) for cell in line] for line in text.lines])
