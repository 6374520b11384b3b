"""A comparison as a page: the table, which sorts, and every patient as a dot."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from transmodal.evaluation.compare.captions import metric_title, table_caption, table_notes
from transmodal.evaluation.compare.columns import TableColumn, table_columns
from transmodal.evaluation.compare.compare import Comparison
from transmodal.evaluation.compare.row import ComparisonRow
from transmodal.evaluation.drawing.charts import dot_plot
from transmodal.evaluation.drawing.figures import task_label
from transmodal.evaluation.drawing.html import document, headings
from transmodal.metrics import registry


def page(comparison: Comparison) -> str:
    """Return one self-contained HTML document that opens offline; all text from data is escaped."""
    columns = table_columns(comparison)
    rows = "".join(_html_row(comparison, row, columns) for row in comparison.rows)
    metric = comparison.primary
    better = "higher" if registry.higher_is_better(metric.metric) else "lower"
    dots = dot_plot(
        {row.name: list(zip(comparison.patients, row.patients, strict=True)) for row in comparison.rows},
        f"{metric_title(comparison, metric)}, {better} is better; one dot per patient, bar: mean",
        [row.name for row in comparison.rows if row.is_oracle],
    )
    notes = "".join(f"<li>{escape(text)}</li>" for text in table_notes(comparison))
    first = comparison.evaluations[0].content.provenance
    title = f"{task_label(first.task.source, first.task.target)}: comparison"
    heads = headings(column.heading for column in columns)
    body = (
        f'<header><p class="eyebrow">Transmodal comparison</p><h1>{escape(title)}</h1>'
        f'<p class="lead">{escape(table_caption(comparison))}</p></header>'
        '<p class="about">Press a heading to sort.</p>'
        f'<div class="scroll"><table class="sortable"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"<section><h2>Every patient</h2>{dots}</section>"
        f"<section><h2>How it was taken</h2><ul>{notes}</ul></section>"
    )
    return document(title, body, "compare")


def _html_row(comparison: Comparison, row: ComparisonRow, columns: Sequence[TableColumn]) -> str:
    name, *figures = columns
    mark = "oracle" if row.is_oracle else "best" if row.name == comparison.reference else "model"
    body = "".join(f"<td{_sorted_by(column, row)}>{escape(column.cell(row))}</td>" for column in figures)
    return f'<tr class="{mark}"><th scope="row">{escape(name.cell(row))}</th>{body}</tr>'


def _sorted_by(column: TableColumn, row: ComparisonRow) -> str:
    if column.value is None:
        return ""
    value = column.value(row)
    return f' data-value="{"" if value is None else repr(value)}"'
