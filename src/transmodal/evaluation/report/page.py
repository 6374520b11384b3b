"""The report: one HTML file that opens offline, with figures, pictures, protocols and provenance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from transmodal.evaluation.drawing.charts import dot_plot, line_chart, read_curves
from transmodal.evaluation.drawing.figures import label
from transmodal.evaluation.drawing.html import document, headings
from transmodal.evaluation.measures import histogram, organs
from transmodal.evaluation.report import (
    agreement,
    disagreement,
    pictures,
    significance,
    split_figures,
    strata,
)
from transmodal.evaluation.result import Column, Evaluation
from transmodal.notice import INTENDED_USE

_PRETRAINED = "starting_weights"
"""What a model's record calls the published weights that its training started from."""


def page(evaluation: Evaluation) -> str:
    """Return the report as one self-contained HTML document; all text from data is escaped."""
    sections = (
        _header(evaluation),
        _figures(evaluation),
        pictures.section(evaluation),
        significance.section(evaluation),
        agreement.section(evaluation),
        strata.section(evaluation),
        organs.section(evaluation.organs),
        split_figures.section(evaluation.splits),
        _cases(evaluation),
        histogram.section(
            evaluation.errors, evaluation.models, evaluation.task.data_range, evaluation.task.unit
        ),
        disagreement.section(evaluation),
        _curves(evaluation),
        _protocols(evaluation),
        _provenance(evaluation),
        f"<footer><strong>{escape(INTENDED_USE)}</strong></footer>",
    )
    task = evaluation.task
    title = f"{_labels(task.sources)} to {label(task.target)}: evaluation"
    return document(title, "\n".join(section for section in sections if section), "report")


def _header(evaluation: Evaluation) -> str:
    task = evaluation.task
    mask_kind = f" ({task.mask_text}; the data set gives none)" if task.mask_text else ""
    region = (
        f"inside the evaluation mask{escape(mask_kind)}"
        if evaluation.columns("mask")
        else "over the whole volume: no case has a mask"
    )
    return (
        '<header><p class="eyebrow">Transmodal evaluation</p>'
        f'<h1>{escape(_labels(task.sources))}<span class="to">&rarr;</span>{escape(label(task.target))}</h1>'
        f'<p class="lead">{escape(_enumeration(evaluation.models) or "Oracles")}, scored on '
        f"{_scored(evaluation)} of the cohort <em>{escape(task.cohort)}</em>. "
        f"{_trained(evaluation)}Figures are {region}, on the target&rsquo;s native grid.</p>"
        f"{_notice(evaluation)}{_findings(evaluation)}</header>"
    )


def _scored(evaluation: Evaluation) -> str:
    n, split = len(evaluation.cases), evaluation.task.split
    return f"all {_count(n, 'case')}" if split == "all" else _count(n, f"{split} case")


def _trained(evaluation: Evaluation) -> str:
    """Say what models and oracles learned from; nothing of models that have no record of it."""
    task = evaluation.task
    own_cohort = f"the cohort&rsquo;s {_count(task.n_training, 'training case')}"
    learned: dict[str, list[str]] = {}
    for name in evaluation.models:
        cohort = evaluation.records.get(name, {}).get("cohort", {})
        if cohort.get("digest") == task.digest:
            learned.setdefault(own_cohort, []).append(name)
        elif cohort:
            learned.setdefault(f"the cohort <em>{escape(str(cohort.get('name')))}</em>", []).append(name)
    if evaluation.oracles:
        cohort_text = f"the cohort <em>{escape(task.fitted_on)}</em>" if task.fitted_on else own_cohort
        learned.setdefault(cohort_text, []).append("the oracles")
    parts = [f"{escape(_enumeration(names))} learned from {origin}" for origin, names in learned.items()]
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}. " if text.startswith("the") else f"{text}. " if text else ""


def _notice(evaluation: Evaluation) -> str:
    task = evaluation.task
    lines = []
    if task.simulated:
        names = _enumeration([label(name) for name in task.simulated])
        verb = "is" if len(task.simulated) == 1 else "are"
        lines.append(f"<b>Simulated data.</b> {escape(names)} {verb} simulated; no scanner measured them.")
    lines += [escape(note) for note in task.notes]
    return f'<aside class="notice">{"".join(f"<p>{line}</p>" for line in lines)}</aside>' if lines else ""


def _findings(evaluation: Evaluation) -> str:
    items = [
        f'<li class="{"yes" if text.startswith("beats") else "not"}"><code>{escape(model)}</code> {escape(text)}</li>'
        for model, text in evaluation.findings()
    ]
    return f'<ul class="findings">{"".join(items)}</ul>' if items else ""


def _figures(evaluation: Evaluation) -> str:
    columns = evaluation.main_columns()
    whole = evaluation.columns("whole") if evaluation.columns("mask") else []
    more = (
        f"<details><summary>Whole volume, background included</summary>{_table(evaluation, whole)}</details>"
    )
    return (
        "<section><h2>Figures</h2>"
        f'<p class="about">Mean &plusmn; standard deviation over {_count(len(evaluation.cases), "case")}; '
        "the best mean of each column is marked. A model that does not beat the oracles has not learned "
        "translation.</p>"
        f"{_table(evaluation, columns)}{_dots(evaluation, columns[0])}{more if whole else ''}</section>"
    )


def _table(evaluation: Evaluation, columns: list[Column]) -> str:
    heads = "".join(
        f"<th>{escape(column.label)} {'&uarr;' if column.higher_is_better else '&darr;'}"
        f"<small>{escape(_unit(column)) or '&nbsp;'}</small></th>"
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
    text = f"{_titled(column)}, {better} is better; one dot per case, bar: mean"
    return dot_plot(groups, text, evaluation.oracles)


def _cases(evaluation: Evaluation) -> str:
    columns = evaluation.main_columns()
    heads = headings(["Case", "Translator", *(_titled(column) for column in columns)], n_text_columns=2)
    figures = {(row.case, row.translator, row.metric, row.protocol): row.value for row in evaluation.rows}
    rows = []
    for case in evaluation.cases:
        for name in (*evaluation.models, *evaluation.oracles):
            values = [figures.get((case, name, column.metric, column.protocol)) for column in columns]
            cells = "".join(_figure(column, value) for column, value in zip(columns, values, strict=True))
            rows.append(f'<tr><td>{escape(case)}</td><td class="left">{escape(name)}</td>{cells}</tr>')
    return (
        '<section><h2>Every case</h2><p class="about">Press a heading to sort. The same figures, and those of '
        "the whole volume, are in evaluation.csv and evaluation.json.</p>"
        f'<div class="scroll tall"><table class="sortable"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _figure(column: Column, value: float | None) -> str:
    if value is None:
        return '<td data-value="">&ndash;</td>'
    if not math.isfinite(value):
        return '<td data-value="1e999">&infin;</td>'
    return f'<td data-value="{value!r}">{column.text(value)}</td>'


def _curves(evaluation: Evaluation) -> str:
    curves = read_curves(evaluation.curves)
    if not curves:
        return ""
    runs = list(evaluation.models)
    legend = "".join(
        f'<span><i class="run{n % 6}"></i>{escape(name)}</span>'
        for n, name in enumerate(runs)
        if name in evaluation.curves
    )
    charts = "".join(line_chart(name, series, runs) for name, series in sorted(curves.items()))
    return f'<section><h2>Training</h2><div class="legend">{legend}</div><div class="charts">{charts}</div></section>'


def _protocols(evaluation: Evaluation) -> str:
    pairs: dict[str, str] = {}
    for region in ("mask", "around", "whole"):
        for column in evaluation.columns(region):
            text = column.protocol.text()
            pairs[text] = f"{pairs[text]}, {column.label}" if text in pairs else column.label
    if evaluation.disagreements:
        pairs[evaluation.disagreement_protocol()] = "Uncertainty"
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for text, name in pairs.items())
    return (
        '<section><h2>Protocols</h2><p class="about">A figure means nothing without how it was taken. Figures '
        "of different protocols must not be compared.</p>"
        f"<dl>{items}</dl></section>"
    )


def _provenance(evaluation: Evaluation) -> str:
    record = evaluation.provenance()
    flat = {
        "Cohort": f"{record['cohort']['name']}, {record['cohort']['split']} split, digest {record['cohort']['digest']}",
        "Training cases": str(record["cohort"]["n_training_cases"]),
        "Simulated": ", ".join(record["cohort"]["simulated"]) or "nothing",
        "Slices without mask": _excluded(evaluation.slices_excluded),
        **{
            f"Model {name}": _flat(_without(_PRETRAINED, fields)) for name, fields in record["models"].items()
        },
        **{
            f"Starting weights of {name}": _flat(fields[_PRETRAINED])
            for name, fields in record["models"].items()
            if fields.get(_PRETRAINED)
        },
        "Oracles": ", ".join(record["oracles"]) or "none",
        "Software": f"transmodal {record['tool']['version']}, {_flat(record['versions'])}",
        "Display": "radiological: the patient's right is on the left, anterior up; shown planes are resampled to "
        "square pixels, figures are not",
    }
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in flat.items())
    return f"<section><h2>Provenance</h2><dl>{items}</dl></section>"


def _without(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


def _excluded(slices: Mapping[str, int]) -> str:
    return f"{sum(slices.values())} over all cases, left out of 2D figures inside the mask"


def _flat(fields: Mapping[str, Any]) -> str:
    parts = []
    for name, value in fields.items():
        if name.endswith("patients_sha256"):
            parts.append(f"{_count(len(value), 'training patient')}, by hash in evaluation.json")
        elif value in ((), [], {}, None):
            continue
        elif isinstance(value, Mapping):
            parts.append(f"{name} ({_flat(value)})")
        elif isinstance(value, list | tuple):
            parts.append(f"{name} {', '.join(map(str, value))}")
        else:
            parts.append(f"{name} {value}")
    return "; ".join(parts) or "no record"


def _titled(column: Column) -> str:
    return f"{column.label} ({_unit(column)})" if _unit(column) else column.label


def _unit(column: Column) -> str:
    return "" if column.unit == "1" else column.unit


def _labels(modalities: Iterable[str]) -> str:
    return " + ".join(label(name) for name in modalities)


def _count(n: int, noun: str) -> str:
    return f"{n} {escape(noun)}{'' if n == 1 else 's'}"


def _enumeration(words: Iterable[str]) -> str:
    *most, last = list(words) or [""]
    return f"{', '.join(most)} and {last}" if most else last
