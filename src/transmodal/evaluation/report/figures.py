"""The report's figures: a table of means, one dot per case, and a table of every case."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from transmodal.counts import counted
from transmodal.evaluation.drawing.charts import dot_plot
from transmodal.evaluation.drawing.html import headings
from transmodal.evaluation.report.columns import title, unit_text
from transmodal.evaluation.result import Column, Evaluation


def section(evaluation: Evaluation) -> str:
    """Return the means of all translators, and the first column's figures as dots."""
    columns = evaluation.main_columns()
    whole = evaluation.columns("whole") if evaluation.columns("mask") else []
    more = (
        f"<details><summary>Whole volume, background included</summary>{_table(evaluation, whole)}</details>"
    )
    return (
        "<section><h2>Figures</h2>"
        f'<p class="about">Mean &plusmn; standard deviation over {counted(len(evaluation.cases), "case")}; '
        "the best mean of each column is marked. A model that does not beat the oracles has not learned "
        "translation.</p>"
        f"{_table(evaluation, columns)}{_dots(evaluation, columns[0])}{more if whole else ''}</section>"
    )


def cases_section(evaluation: Evaluation) -> str:
    """Return every case's figures as a table that sorts."""
    columns = evaluation.main_columns()
    heads = headings(["Case", "Translator", *(title(column) for column in columns)], n_text_columns=2)
    figures = {(row.case, row.translator, row.metric, row.protocol): row.value for row in evaluation.rows}
    rows = []
    for case in evaluation.cases:
        for name in (*evaluation.models, *evaluation.oracles):
            values = [figures.get((case, name, column.metric, column.protocol)) for column in columns]
            cells = "".join(_figure(column, value) for column, value in zip(columns, values, strict=True))
            rows.append(
                f'<tr><td>{viewer_link(evaluation, case, escape(case))}</td><td class="left">{escape(name)}</td>{cells}</tr>'
            )
    return (
        '<section><h2>Every case</h2><p class="about">Press a heading to sort. The same figures, and those of '
        f"the whole volume, are in evaluation.csv and evaluation.json.{_viewer_note(evaluation)}</p>"
        f'<div class="scroll tall"><table class="sortable"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def viewer_link(evaluation: Evaluation, case: str, text: str) -> str:
    """Return HTML as a link to the viewer's page of a case, or as it is where there is none."""
    address = evaluation.viewer.addresses.get(case) if evaluation.viewer else None
    return f'<a href="{escape(quote(address))}">{text}</a>' if address else text


def _viewer_note(evaluation: Evaluation) -> str:
    return (
        f" A case&rsquo;s name opens the viewer. {escape(evaluation.viewer.note())}"
        if evaluation.viewer
        else " transmodal evaluate --viewer adds a page for every case: three planes, 3D and the difference."
    )


def _table(evaluation: Evaluation, columns: list[Column]) -> str:
    heads = "".join(
        f"<th>{escape(column.label)} {'&uarr;' if column.higher_is_better else '&darr;'}"
        f"<small>{escape(unit_text(column)) or '&nbsp;'}</small></th>"
        for column in columns
    )
    best = [evaluation.best(column) for column in columns]
    span = len(columns) + 1
    bodies = f"<tbody>{_table_rows(evaluation, evaluation.models, columns, best)}</tbody>"
    if evaluation.oracles:
        head = f'<tr class="head"><th colspan="{span}">Oracles: what needs no learning of images</th></tr>'
        bodies += f'<tbody class="oracles">{head}{_table_rows(evaluation, evaluation.oracles, columns, best)}</tbody>'
    return (
        f'<div class="scroll"><table><thead><tr><th>Translator</th>{heads}</tr></thead>{bodies}</table></div>'
    )


def _table_rows(
    evaluation: Evaluation, names: Iterable[str], columns: list[Column], best: list[set[str]]
) -> str:
    rows = []
    for name in names:
        cells = []
        for column, winners in zip(columns, best, strict=True):
            summary = evaluation.of(name, column)
            std = (
                f'<span class="std">&plusmn; {column.text(summary.std)}</span>'
                if summary and summary.std is not None
                else ""
            )
            infinite = (
                f'<span class="std">({summary.n_infinite} &infin;)</span>'
                if summary and summary.n_infinite
                else ""
            )
            mark = ' class="best"' if name in winners else ""
            cells.append(f"<td{mark}>{column.text(summary.mean if summary else None)}{std}{infinite}</td>")
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    return "".join(rows)


def _dots(evaluation: Evaluation, column: Column) -> str:
    groups: dict[str, list[tuple[str, float]]] = {}
    for row in evaluation.rows:
        if (row.metric, row.protocol) == (column.metric, column.protocol):
            groups.setdefault(row.translator, []).append((row.case, row.value))
    better = "higher" if column.higher_is_better else "lower"
    text = f"{title(column)}, {better} is better; one dot per case, bar: mean"
    return dot_plot(groups, text, evaluation.oracles)


def _figure(column: Column, value: float | None) -> str:
    if value is None:
        return '<td data-value="">&ndash;</td>'
    if not math.isfinite(value):
        return '<td data-value="1e999">&infin;</td>'
    return f'<td data-value="{value!r}">{column.text(value)}</td>'
