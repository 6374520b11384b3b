"""A comparison as Markdown, CSV, LaTeX and HTML."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from transmodal.evaluation.compare.comparability import ComparedMetric
from transmodal.evaluation.compare.compare import Comparison
from transmodal.evaluation.compare.row import ComparisonRow
from transmodal.evaluation.drawing.charts import dot_plot
from transmodal.evaluation.drawing.figures import label
from transmodal.evaluation.drawing.html import document, headings
from transmodal.evaluation.drawing.tables import (
    csv_table,
    escape_latex,
    escape_markdown,
    latex_table,
    markdown_table,
)
from transmodal.evaluation.statistics.bootstrap import Interval
from transmodal.metrics import registry
from transmodal.notice import INTENDED_USE

_NONE = "\N{EN DASH}"


class TableColumn(NamedTuple):
    """A column of the shown table.

    Attributes:
        heading: of the column.
        cell: what a row shows.
        value: what the page sorts rows by, None in rows that go last; without it they are sorted by their cells.
    """

    heading: str
    cell: Callable[[ComparisonRow], str]
    value: Callable[[ComparisonRow], float | None] | None = None


def markdown(comparison: Comparison) -> str:
    """Return the table as Markdown, with its protocol, method and notes."""
    columns = _columns(comparison)
    rows = []
    for row in comparison.rows:
        name, *cells = (escape_markdown(column.cell(row)) for column in columns)
        title = f"*{name}*" if row.is_oracle else f"**{name}**" if row.name == comparison.reference else name
        rows.append([title, *cells])
    table = markdown_table([column.heading for column in columns], rows)
    notes = "\n".join(f"- {text}" for text in _texts(comparison))
    return f"{_caption(comparison)}\n\n{table}\n\n{notes}\n"


def latex(comparison: Comparison) -> str:
    """Return a table for LaTeX with the package booktabs; text from data is escaped."""
    columns = _columns(comparison)
    rows, rules = [], set()
    for n, row in enumerate(comparison.rows):
        if row.is_oracle and n and not comparison.rows[n - 1].is_oracle:
            rules.add(n)
        cells = [escape_latex(column.cell(row)) for column in columns]
        if row.name == comparison.reference:
            cells[0] = rf"\textbf{{{cells[0]}}}"
        rows.append(cells)
    caption = " ".join([_caption(comparison), *_texts(comparison)])
    return latex_table(caption, [column.heading for column in columns], rows, rules)


def table_csv(comparison: Comparison) -> str:
    """Return one line per row with every number in full; what there is not is an empty field."""
    metric = comparison.primary
    return csv_table(
        [
            {
                "translator": row.name,
                "oracle": int(row.is_oracle),
                "trainings": row.trainings,
                "seeds": " ".join(map(str, row.seeds)),
                "patients": row.description.n,
                "metric": metric.metric,
                "unit": metric.unit,
                "mean": row.description.mean,
                "sd": row.description.sd,
                **_ends("mean", row.description.of_mean),
                "median": row.description.median,
                **_ends("median", row.description.of_median),
                "reference": comparison.reference,
                "difference": row.difference and row.difference.mean,
                **_ends("difference", row.difference and row.difference.interval),
                "p": row.difference and row.difference.p,
                "p_holm": row.p,
                "rank_biserial": row.difference and row.difference.rank_biserial,
                "cohens_dz": row.difference and row.difference.standardised,
                "margin": comparison.margin,
                "non_inferior": row.non_inferiority and row.non_inferiority.is_shown,
                "parameters": row.parameters,
                "training_seconds": row.training_seconds,
                "seconds_per_volume": row.seconds,
                "protocol": metric.protocol,
            }
            for row in comparison.rows
        ]
    )


def patients_csv(comparison: Comparison) -> str:
    """Return one line per patient and row: the figure, mean over the seeds."""
    metric = comparison.primary
    return csv_table(
        [
            {
                "patient": patient,
                "translator": row.name,
                "metric": metric.metric,
                "value": value,
                "unit": metric.unit,
                "protocol": metric.protocol,
            }
            for row in comparison.rows
            for patient, value in zip(comparison.patients, row.patients, strict=True)
        ]
    )


def page(comparison: Comparison) -> str:
    """Return one self-contained HTML document that opens offline; all text from data is escaped."""
    columns = _columns(comparison)
    rows = "".join(_html_row(comparison, row, columns) for row in comparison.rows)
    metric = comparison.primary
    better = "higher" if registry.higher_is_better(metric.metric) else "lower"
    dots = dot_plot(
        {row.name: list(zip(comparison.patients, row.patients, strict=True)) for row in comparison.rows},
        f"{_title(comparison, metric)}, {better} is better; one dot per patient, bar: mean",
        [row.name for row in comparison.rows if row.is_oracle],
    )
    notes = "".join(f"<li>{escape(text)}</li>" for text in _texts(comparison))
    first = comparison.evaluations[0].content.provenance
    title = (
        f"{' + '.join(label(name) for name in first.task.source)} to {label(first.task.target)}: comparison"
    )
    heads = headings(column.heading for column in columns)
    body = (
        f'<header><p class="eyebrow">Transmodal comparison</p><h1>{escape(title)}</h1>'
        f'<p class="lead">{escape(_caption(comparison))}</p></header>'
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


def _columns(comparison: Comparison) -> list[TableColumn]:
    metric = comparison.primary
    number = _writer(_reference(comparison).description.mean)
    columns = [
        TableColumn("Translator", lambda row: row.name),
        TableColumn(
            "Trainings",
            lambda row: str(row.trainings) if row.trainings else _NONE,
            lambda row: row.trainings or None,
        ),
        TableColumn(
            _heading(comparison, metric),
            lambda row: _spread(number, row.description.mean, row.description.sd),
            lambda row: row.description.mean,
        ),
        TableColumn(
            "95 % of the mean",
            lambda row: _interval(number, row.description.of_mean),
            lambda row: row.description.of_mean and row.description.of_mean.low,
        ),
        TableColumn("Median", lambda row: number(row.description.median), lambda row: row.description.median),
        TableColumn(
            f"Difference to {comparison.reference}",
            lambda row: _difference(number, row),
            lambda row: row.difference.mean if row.difference else 0.0,
        ),
        TableColumn("p (Holm)", lambda row: _p(row.p), lambda row: row.p),
        TableColumn(
            "r",
            lambda row: f"{row.difference.rank_biserial:+.2f}" if row.difference else _NONE,
            lambda row: row.difference and row.difference.rank_biserial,
        ),
    ]
    if comparison.margin is not None:
        columns.append(TableColumn(f"At most {comparison.margin:g} {metric.unit} worse", _within))
    columns += [_secondary_column(comparison, n) for n in range(len(comparison.secondary))]
    return [
        *columns,
        TableColumn(
            "Parameters",
            lambda row: _NONE if row.parameters is None else _count(row.parameters),
            lambda row: row.parameters,
        ),
        TableColumn(
            "Training", lambda row: _duration(row.training_seconds), lambda row: row.training_seconds
        ),
        TableColumn("Per volume", lambda row: _duration(row.seconds), lambda row: row.seconds),
    ]


def _reference(comparison: Comparison) -> ComparisonRow:
    return next(row for row in comparison.rows if row.name == comparison.reference)


def _secondary_column(comparison: Comparison, n: int) -> TableColumn:
    number = _writer(_reference(comparison).secondary[n].mean)
    return TableColumn(
        _heading(comparison, comparison.secondary[n]),
        lambda row: _spread(number, *row.secondary[n]),
        lambda row: row.secondary[n][0],
    )


def _writer(typical: float | None) -> Callable[[float | None], str]:
    """Return how the numbers of a column are written: with four digits of a typical one, four decimals at most."""
    places = min(4, max(0, 3 - math.floor(math.log10(abs(typical))))) if typical else 4
    return lambda value: _NONE if value is None else f"{value:.{places}f}".replace("-", "\N{MINUS SIGN}")


def _spread(number: Callable[[float | None], str], mean: float | None, sd: float | None) -> str:
    return number(mean) if sd is None else f"{number(mean)} ± {number(sd)}"


def _interval(number: Callable[[float | None], str], interval: Interval | None) -> str:
    return _NONE if interval is None else f"{number(interval.low)} to {number(interval.high)}"


def _difference(number: Callable[[float | None], str], row: ComparisonRow) -> str:
    if row.difference is None:
        return "reference"
    text = number(row.difference.mean)
    return f"{text} ({_interval(number, row.difference.interval)})" if row.difference.interval else text


def _p(p: float | None) -> str:
    return _NONE if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _within(row: ComparisonRow) -> str:
    if row.non_inferiority is None or row.non_inferiority.is_shown is None:
        return _NONE
    return "shown" if row.non_inferiority.is_shown else "not shown"


def _count(n: int) -> str:
    return f"{n / 1e6:.3g} M" if n >= 1e5 else f"{n / 1e3:.3g} k" if n >= 1000 else str(n)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return _NONE
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _caption(comparison: Comparison) -> str:
    first = comparison.evaluations[0].content.provenance
    n = len(comparison.patients)
    return (
        f"{_title(comparison, comparison.primary)} on {n} {'patient' if n == 1 else 'patients'} of the {first.cohort.split} split of the "
        f"cohort {first.cohort.name} ({first.cohort.digest[:12]})."
    )


def _texts(comparison: Comparison) -> list[str]:
    protocols: dict[str, list[str]] = {}
    for metric in (comparison.primary, *comparison.secondary):
        protocols.setdefault(metric.protocol, []).append(_name(comparison, metric))
    protocol_lines = [f"{', '.join(names)}: {text}." for text, names in protocols.items()]
    return [*protocol_lines, comparison.method, *comparison.notes, INTENDED_USE]


def _heading(comparison: Comparison, metric: ComparedMetric) -> str:
    return f"{_title(comparison, metric)} {'↑' if registry.higher_is_better(metric.metric) else '↓'}"


def _title(comparison: Comparison, metric: ComparedMetric) -> str:
    name = _name(comparison, metric)
    return name if metric.unit == "1" else f"{name} ({metric.unit})"


def _name(comparison: Comparison, metric: ComparedMetric) -> str:
    """Return the metric's name; with its dimensions where the table has it in 2D and in 3D."""
    dimensions = {
        shown_metric.dims
        for shown_metric in (comparison.primary, *comparison.secondary)
        if shown_metric.metric == metric.metric
    }
    name = metric.metric.upper().replace("_", "-")
    return f"{name} {metric.dims}D" if len(dimensions) > 1 else name


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
