"""The report's strata: tables by column of a phenotype table, and against the training site; and all as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from transmodal.counts import counted
from transmodal.evaluation.drawing.html import DASH, column_heads, table_row
from transmodal.evaluation.drawing.tables import csv_table, interval_fields
from transmodal.evaluation.external.strata import METHOD, Drop, Stratum, describe_strata
from transmodal.evaluation.report.columns import interval, signed, unit_text
from transmodal.evaluation.result import Column, Evaluation
from transmodal.evaluation.statistics.bootstrap import Interval
from transmodal.evaluation.statistics.paired_tests import Description


def section(evaluation: Evaluation) -> str:
    """Return the sections; empty where neither strata nor a training site were asked for."""
    if evaluation.strata is None and evaluation.internal_test is None:
        return ""
    columns = {(column.metric, column.protocol.text()): column for column in evaluation.main_columns()}
    figures = [figure for figure in _all_strata(evaluation) if (figure.metric, figure.protocol) in columns]
    parts = [
        _against_home(evaluation, [figure for figure in figures if not figure.by], list(columns.values()))
    ]
    for by in evaluation.strata.groups if evaluation.strata is not None else ():
        grouped = [figure for figure in figures if figure.by == by]
        parts.append(f"<h3>By {escape(by)}</h3>{_by_stratum(evaluation, grouped, list(columns.values()))}")
    source = f" Strata: {escape(evaluation.strata.table)}." if evaluation.strata is not None else ""
    return (
        '<section><h2>By site and group</h2><p class="about">Mean over patients, its 95&nbsp;% interval below. '
        f"{_about(evaluation)}{source}</p>{''.join(parts)}<details><summary>How it was taken</summary>"
        f'<p class="about">{escape(METHOD)}</p></details></section>'
    )


def table_csv(evaluation: Evaluation) -> str:
    """Return one line per stratum, translator and kind of figure, every number in full; empty without strata."""
    if evaluation.strata is None and evaluation.internal_test is None:
        return ""
    return csv_table([_record(figure) for figure in _all_strata(evaluation)])


def _all_strata(evaluation: Evaluation) -> list[Stratum]:
    return describe_strata(evaluation.points(), evaluation.strata, evaluation.internal_test)


def _about(evaluation: Evaluation) -> str:
    home = evaluation.internal_test
    if home is None:
        return "No figures of the training site are at hand, so no drop is shown."
    return (
        f"Drop: the mean on the test patients of <em>{escape(home.cohort)}</em>, which the models learned from "
        f"({escape(home.how)}), minus the mean here; other patients, so nothing is paired."
    )


def _against_home(evaluation: Evaluation, figures: Sequence[Stratum], columns: Sequence[Column]) -> str:
    if evaluation.internal_test is None:
        return ""
    lines = []
    for name in (*evaluation.models, *evaluation.oracles):
        for column in columns:
            figure = _find(figures, name, column)
            if figure is None or figure.internal is None:
                continue
            cells = [
                escape(f"{column.label} {unit_text(column)}".strip()),
                _described(figure.internal, column),
                _described(figure.description, column),
                _dropped(figure.drop, column),
            ]
            lines.append(table_row(name, cells))
    if not lines:
        return '<p class="about">No figure was taken there under the protocol of here.</p>'
    heads = column_heads(("Figure", "There", "Here", "Drop"))
    return (
        f'<h3>Against {escape(evaluation.internal_test.cohort)}</h3><div class="scroll"><table class="strata"><thead><tr>'
        f"<th>Translator</th>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _by_stratum(evaluation: Evaluation, figures: Sequence[Stratum], columns: Sequence[Column]) -> str:
    with_drop = evaluation.internal_test is not None
    heads = "".join(
        f"<th>{escape(column.label)}<small>{escape(unit_text(column)) or '&nbsp;'}</small></th>"
        + ("<th>Drop<small>&nbsp;</small></th>" if with_drop else "")
        for column in columns
    )
    bodies = []
    for stratum in dict.fromkeys(figure.name for figure in figures):
        lines = []
        in_stratum = [figure for figure in figures if figure.name == stratum]
        for name in (*evaluation.models, *evaluation.oracles):
            cells = []
            for column in columns:
                figure = _find(in_stratum, name, column)
                cells.append(DASH if figure is None else _described(figure.description, column))
                if with_drop:
                    cells.append(DASH if figure is None else _dropped(figure.drop, column))
            lines.append(table_row(name, cells))
        n = max(figure.description.n for figure in in_stratum)
        span = 1 + len(columns) * (1 + with_drop)
        head = f'<tr class="head"><th colspan="{span}">{escape(stratum)}, {counted(n, "patient")}</th></tr>'
        bodies.append(f"<tbody>{head}{''.join(lines)}</tbody>")
    return (
        f'<div class="scroll"><table class="strata"><thead><tr><th>Translator</th>{heads}</tr></thead>'
        f"{''.join(bodies)}</table></div>"
    )


def _find(figures: Sequence[Stratum], name: str, column: Column) -> Stratum | None:
    key = (name, column.metric, column.protocol.text())
    return next(
        (figure for figure in figures if (figure.translator, figure.metric, figure.protocol) == key), None
    )


def _described(description: Description, column: Column) -> str:
    return f"{signed(description.mean, column)}{_small_interval(description.of_mean, column)}"


def _dropped(drop: Drop | None, column: Column) -> str:
    if drop is None:
        return DASH
    worse = drop.interval is not None and (
        drop.interval.low > 0 if column.higher_is_better else drop.interval.high < 0
    )
    mark = ' <span class="std">worse here</span>' if worse else ""
    return f"{signed(drop.mean, column, plus='+')}{mark}{_small_interval(drop.interval, column)}"


def _small_interval(ends: Interval | None, column: Column) -> str:
    return f"<small>{interval(ends, column)}</small>" if ends else ""


def _record(figure: Stratum) -> dict[str, object]:
    return {
        "by": figure.by,
        "stratum": figure.name,
        "translator": figure.translator,
        "metric": figure.metric,
        "unit": figure.unit,
        "patients": figure.description.n,
        "mean": figure.description.mean,
        "sd": figure.description.sd,
        **interval_fields("mean", figure.description.of_mean),
        "home_patients": figure.internal and figure.internal.n,
        "home_mean": figure.internal and figure.internal.mean,
        "drop": figure.drop and figure.drop.mean,
        **interval_fields("drop", figure.drop and figure.drop.interval),
        "protocol": figure.protocol,
    }
