"""A comparison as Markdown, CSV, LaTeX and HTML."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from transmodal.evaluation.compare.comparability import Kind
from transmodal.evaluation.compare.compare import Comparison
from transmodal.evaluation.compare.row import Standing
from transmodal.evaluation.drawing.charts import dot_plot
from transmodal.evaluation.drawing.figures import label
from transmodal.evaluation.drawing.html import document, headings
from transmodal.evaluation.drawing.tables import csv_table, latex_table, markdown_table, piped, tex
from transmodal.evaluation.statistics.bootstrap import Interval
from transmodal.metrics import registry
from transmodal.notice import INTENDED_USE

_NONE = "\N{EN DASH}"


class Column(NamedTuple):
    """A column of the shown table.

    Attributes:
        heading: of the column.
        cell: what a row shows.
        value: what the page sorts rows by, None in rows that go last; without it they are sorted by their cells.
    """

    heading: str
    cell: Callable[[Standing], str]
    value: Callable[[Standing], float | None] | None = None


def markdown(comparison: Comparison) -> str:
    """Return the table as Markdown, with its protocol, method and notes."""
    columns = _columns(comparison)
    rows = []
    for one in comparison.standings:
        name, *cells = (piped(column.cell(one)) for column in columns)
        shown = f"*{name}*" if one.is_oracle else f"**{name}**" if one.name == comparison.reference else name
        rows.append([shown, *cells])
    table = markdown_table([column.heading for column in columns], rows)
    notes = "\n".join(f"- {text}" for text in _texts(comparison))
    return f"{_caption(comparison)}\n\n{table}\n\n{notes}\n"


def latex(comparison: Comparison) -> str:
    """Return a table for LaTeX with the package booktabs; text from data is escaped."""
    columns = _columns(comparison)
    rows, rules = [], set()
    for n, one in enumerate(comparison.standings):
        if one.is_oracle and n and not comparison.standings[n - 1].is_oracle:
            rules.add(n)
        cells = [tex(column.cell(one)) for column in columns]
        if one.name == comparison.reference:
            cells[0] = rf"\textbf{{{cells[0]}}}"
        rows.append(cells)
    caption = " ".join([_caption(comparison), *_texts(comparison)])
    return latex_table(caption, [column.heading for column in columns], rows, rules)


def table_csv(comparison: Comparison) -> str:
    """Return one line per row with every number in full; what there is not is an empty field."""
    kind = comparison.kind
    return csv_table(
        [
            {
                "translator": one.name,
                "oracle": int(one.is_oracle),
                "trainings": one.trainings,
                "seeds": " ".join(map(str, one.seeds)),
                "patients": one.description.n,
                "metric": kind.metric,
                "unit": kind.unit,
                "mean": one.description.mean,
                "sd": one.description.sd,
                **_ends("mean", one.description.of_mean),
                "median": one.description.median,
                **_ends("median", one.description.of_median),
                "reference": comparison.reference,
                "difference": one.difference and one.difference.mean,
                **_ends("difference", one.difference and one.difference.interval),
                "p": one.difference and one.difference.p,
                "p_holm": one.p,
                "rank_biserial": one.difference and one.difference.rank_biserial,
                "cohens_dz": one.difference and one.difference.standardised,
                "margin": comparison.margin,
                "non_inferior": one.within and one.within.shown,
                "parameters": one.parameters,
                "training_seconds": one.training_seconds,
                "seconds_per_volume": one.seconds,
                "protocol": kind.protocol,
            }
            for one in comparison.standings
        ]
    )


def patients_csv(comparison: Comparison) -> str:
    """Return one line per patient and row: the figure, mean over the seeds."""
    kind = comparison.kind
    return csv_table(
        [
            {
                "patient": patient,
                "translator": one.name,
                "metric": kind.metric,
                "value": value,
                "unit": kind.unit,
                "protocol": kind.protocol,
            }
            for one in comparison.standings
            for patient, value in zip(comparison.patients, one.patients, strict=True)
        ]
    )


def page(comparison: Comparison) -> str:
    """Return one self-contained HTML document that opens offline; all text from data is escaped."""
    columns = _columns(comparison)
    rows = "".join(_html_row(comparison, one, columns) for one in comparison.standings)
    kind = comparison.kind
    better = "higher" if registry.higher_is_better(kind.metric) else "lower"
    dots = dot_plot(
        {one.name: list(zip(comparison.patients, one.patients, strict=True)) for one in comparison.standings},
        f"{_title(comparison, kind)}, {better} is better; one dot per patient, bar: mean",
        [one.name for one in comparison.standings if one.is_oracle],
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


def _html_row(comparison: Comparison, one: Standing, columns: Sequence[Column]) -> str:
    name, *others = columns
    mark = "oracle" if one.is_oracle else "best" if one.name == comparison.reference else "model"
    body = "".join(f"<td{_sorted_by(column, one)}>{escape(column.cell(one))}</td>" for column in others)
    return f'<tr class="{mark}"><th scope="row">{escape(name.cell(one))}</th>{body}</tr>'


def _sorted_by(column: Column, one: Standing) -> str:
    if column.value is None:
        return ""
    value = column.value(one)
    return f' data-value="{"" if value is None else repr(value)}"'


def _columns(comparison: Comparison) -> list[Column]:
    kind = comparison.kind
    number = _writer(_reference(comparison).description.mean)
    columns = [
        Column("Translator", lambda one: one.name),
        Column(
            "Trainings",
            lambda one: str(one.trainings) if one.trainings else _NONE,
            lambda one: one.trainings or None,
        ),
        Column(
            _heading(comparison, kind),
            lambda one: _spread(number, one.description.mean, one.description.sd),
            lambda one: one.description.mean,
        ),
        Column(
            "95 % of the mean",
            lambda one: _interval(number, one.description.of_mean),
            lambda one: one.description.of_mean and one.description.of_mean.low,
        ),
        Column("Median", lambda one: number(one.description.median), lambda one: one.description.median),
        Column(
            f"Difference to {comparison.reference}",
            lambda one: _difference(number, one),
            lambda one: one.difference.mean if one.difference else 0.0,
        ),
        Column("p (Holm)", lambda one: _p(one.p), lambda one: one.p),
        Column(
            "r",
            lambda one: f"{one.difference.rank_biserial:+.2f}" if one.difference else _NONE,
            lambda one: one.difference and one.difference.rank_biserial,
        ),
    ]
    if comparison.margin is not None:
        columns.append(Column(f"At most {comparison.margin:g} {kind.unit} worse", _within))
    columns += [_other(comparison, n) for n in range(len(comparison.others))]
    return [
        *columns,
        Column(
            "Parameters",
            lambda one: _NONE if one.parameters is None else _count(one.parameters),
            lambda one: one.parameters,
        ),
        Column("Training", lambda one: _duration(one.training_seconds), lambda one: one.training_seconds),
        Column("Per volume", lambda one: _duration(one.seconds), lambda one: one.seconds),
    ]


def _reference(comparison: Comparison) -> Standing:
    return next(one for one in comparison.standings if one.name == comparison.reference)


def _other(comparison: Comparison, n: int) -> Column:
    number = _writer(_reference(comparison).others[n].mean)
    return Column(
        _heading(comparison, comparison.others[n]),
        lambda one: _spread(number, *one.others[n]),
        lambda one: one.others[n][0],
    )


def _writer(typical: float | None) -> Callable[[float | None], str]:
    """Return how the numbers of a column are written: with four digits of a typical one, four decimals at most."""
    places = min(4, max(0, 3 - math.floor(math.log10(abs(typical))))) if typical else 4
    return lambda value: _NONE if value is None else f"{value:.{places}f}".replace("-", "\N{MINUS SIGN}")


def _spread(number: Callable[[float | None], str], mean: float | None, sd: float | None) -> str:
    return number(mean) if sd is None else f"{number(mean)} ± {number(sd)}"


def _interval(number: Callable[[float | None], str], interval: Interval | None) -> str:
    return _NONE if interval is None else f"{number(interval.low)} to {number(interval.high)}"


def _difference(number: Callable[[float | None], str], one: Standing) -> str:
    if one.difference is None:
        return "reference"
    text = number(one.difference.mean)
    return f"{text} ({_interval(number, one.difference.interval)})" if one.difference.interval else text


def _p(p: float | None) -> str:
    return _NONE if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _within(one: Standing) -> str:
    if one.within is None or one.within.shown is None:
        return _NONE
    return "shown" if one.within.shown else "not shown"


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
        f"{_title(comparison, comparison.kind)} on {n} {'patient' if n == 1 else 'patients'} of the {first.cohort.split} split of the "
        f"cohort {first.cohort.name} ({first.cohort.digest[:12]})."
    )


def _texts(comparison: Comparison) -> list[str]:
    protocols: dict[str, list[str]] = {}
    for kind in (comparison.kind, *comparison.others):
        protocols.setdefault(kind.protocol, []).append(_name(comparison, kind))
    said = [f"{', '.join(names)}: {text}." for text, names in protocols.items()]
    return [*said, comparison.method, *comparison.notes, INTENDED_USE]


def _heading(comparison: Comparison, kind: Kind) -> str:
    return f"{_title(comparison, kind)} {'↑' if registry.higher_is_better(kind.metric) else '↓'}"


def _title(comparison: Comparison, kind: Kind) -> str:
    name = _name(comparison, kind)
    return name if kind.unit == "1" else f"{name} ({kind.unit})"


def _name(comparison: Comparison, kind: Kind) -> str:
    """Return the metric's name; with its dimensions where the table has it in 2D and in 3D."""
    same = {one.dims for one in (comparison.kind, *comparison.others) if one.metric == kind.metric}
    name = kind.metric.upper().replace("_", "-")
    return f"{name} {kind.dims}D" if len(same) > 1 else name


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
