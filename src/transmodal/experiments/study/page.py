"""A study as a page that opens offline: what it says, how to read it, charts, tables, how it came about."""

from __future__ import annotations

from html import escape

from transmodal.evaluation.drawing.html import document, headings
from transmodal.evaluation.drawing.words import enumerated
from transmodal.experiments.markdown import made_at
from transmodal.experiments.study.cells import text_table
from transmodal.experiments.study.record import StudyRecord, StudyTable
from transmodal.experiments.study.svg import draw


def page(record: StudyRecord) -> str:
    """Return one self-contained HTML document; all text from data is escaped."""
    findings = "".join(f"<li>{escape(sentence)}</li>" for sentence in record.findings)
    charts = "".join(
        f"<figure>{draw(record, chart)}<figcaption>{escape(chart.caption)}</figcaption></figure>"
        for chart in record.charts
    )
    tables = "".join(_table(record, table) for table in record.tables)
    body = (
        f'<header><p class="eyebrow">Transmodal study</p><h1>{escape(record.study)}</h1>'
        f'<p class="lead">{escape(record.about)}</p></header>'
        f'<div class="notice"><p>{escape(record.intended_use)}</p></div>'
        f'<ul class="findings">{findings}</ul>'
        f"<section><h2>How to read it</h2><p>{escape(record.reading)}</p>{charts}</section>"
        f"<section><h2>Figures</h2>{tables}</section>"
        f"<section><h2>How it was taken</h2>{_origin(record)}</section>"
    )
    return document(f"Study: {record.study}", body, "study")


def origin_lines(record: StudyRecord) -> list[str]:
    """Return in sentences how the figures came about, omissions and notes included."""
    cases = ", ".join(f"{n} {split}" for split, n in record.cohort.cases.items())
    cohort = (
        f"Cohort {record.cohort.name} ({cases}; digest {record.cohort.digest[:12]}), split {record.split}."
    )
    models = [
        f"{model.row}, seed {model.seed}: recipe {model.recipe} {model.recipe_sha256[:12]}, weights "
        f"{model.weights_sha256[:12]}"
        + (f"; random weights of {enumerated(model.random_weights)}" if model.random_weights else "")
        for model in record.models
    ]
    return [
        record.protocol,
        cohort,
        *([f"Runs. {'; '.join(models)}."] if models else []),
        *(f"Left out: {omission.part}: {omission.reason}." for omission in record.omissions),
        *record.notes,
        f"Made{made_at(record.commit)} by transmodal {record.tool_version}: {record.command}".replace(
            "`", ""
        ),
    ]


def _origin(record: StudyRecord) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in origin_lines(record)) + "</ul>"


def _table(record: StudyRecord, table: StudyTable) -> str:
    text = text_table(record, table)
    rows = "".join(
        "<tr>"
        + f'<th scope="row" class="left">{escape(line[0])}</th>'
        + "".join(
            f"<td{' class=left' if n < text.n_text_columns else ''}>{escape(cell)}</td>"
            for n, cell in enumerate(line[1:], start=1)
        )
        + "</tr>"
        for line in text.lines
    )
    body = (
        f'<div class="scroll"><table class="sortable"><thead><tr>{headings(text.headings, text.n_text_columns)}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )
    title = f"<h3>{escape(table.name)}</h3><p>{escape(table.caption)}</p>"
    if table.is_detail:
        return (
            f"<details><summary>{escape(table.name)}</summary><p>{escape(table.caption)}</p>{body}</details>"
        )
    return title + body
