"""An evaluation's figures and statistics as Markdown and LaTeX, with protocols and notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from transmodal.counts import counted
from transmodal.evaluation import provenance
from transmodal.evaluation.drawing.figures import label, task_label
from transmodal.evaluation.drawing.tables import escape_latex, escape_markdown, latex_table, markdown_table
from transmodal.evaluation.drawing.words import (
    DASH,
    number,
    p_value,
    protocol_lines,
    sentence,
    true_minus,
)
from transmodal.evaluation.drawing.words import interval as words_interval
from transmodal.evaluation.report import significance
from transmodal.evaluation.report.columns import interval, signed, title
from transmodal.evaluation.result import Column, Evaluation
from transmodal.evaluation.statistics.paired_tests import Description, too_few
from transmodal.notice import INTENDED_USE


class _Table(NamedTuple):
    caption: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    best: frozenset[tuple[int, int]] = frozenset()  # cells, by row and column


def markdown(evaluation: Evaluation) -> str:
    """Return figures and statistics as Markdown tables; the best mean of each column is bold."""
    parts = [f"# {_title(evaluation)}"]
    for table in _tables(evaluation):
        rows = _marked(table, escape_markdown, lambda cell: f"**{cell}**")
        parts += [escape_markdown(table.caption), markdown_table(table.headings, rows)]
    parts.append("\n".join(f"- {escape_markdown(text)}" for text in _texts(evaluation)))
    return "\n\n".join(parts) + "\n"


def latex(evaluation: Evaluation) -> str:
    """Return them as tables for the package booktabs; oracles stand below a line."""
    rules = {len(evaluation.models)} if evaluation.models and evaluation.oracles else set()
    parts = []
    for n, table in enumerate(_tables(evaluation)):
        rows = _marked(table, escape_latex, lambda cell: rf"\textbf{{{cell}}}")
        caption = " ".join([table.caption, *(_texts(evaluation) if n == 0 else ())])
        parts.append(
            latex_table(caption, table.headings, rows, rules if len(rows) > max(rules, default=0) else ())
        )
    return "\n".join(parts)


def _tables(evaluation: Evaluation) -> list[_Table]:
    first = _figures(evaluation)
    second = _statistics(evaluation)
    third = _uncertainty(evaluation)
    return [first, *(table for table in (second, third) if table is not None)]


def _figures(evaluation: Evaluation) -> _Table:
    columns = evaluation.main_columns()
    best = [evaluation.best(column) for column in columns]
    names = (*evaluation.models, *evaluation.oracles)
    n = len(evaluation.cases)
    return _Table(
        f"Mean ± standard deviation over {counted(n, 'case')}; the best mean of each column is bold.",
        ("Translator", *(_heading(column) for column in columns)),
        [(name, *(_spread(evaluation, name, column) for column in columns)) for name in names],
        frozenset(
            (r, c + 1) for r, name in enumerate(names) for c, winners in enumerate(best) if name in winners
        ),
    )


def _statistics(evaluation: Evaluation) -> _Table | None:
    column = evaluation.main_columns()[0]
    tested = significance.significance_rows(evaluation, column)
    if not tested:
        return None
    n = tested[0].description.n
    reason = too_few(n)
    rows = []
    for row in tested:
        difference = row.difference
        rows.append(
            (
                row.name,
                column.text(row.description.mean),
                interval(row.description.of_mean, column),
                column.text(row.description.median),
                signed(difference.mean, column, plus="+") if difference else DASH,
                interval(difference.interval if difference else None, column),
                p_value(row.p),
            )
        )
    return _Table(
        f"{_heading(column)} over {counted(n, 'patient')}; 95 % intervals by bootstrap; differences "
        f"from {tested[0].name}, paired by patient; p by Wilcoxon's signed-rank test, corrected by Holm."
        + (f" {sentence(reason)}" if reason else ""),
        ("Translator", "Mean", "95 % of the mean", "Median", "Difference", "95 % of it", "p (Holm)"),
        rows,
    )


def _uncertainty(evaluation: Evaluation) -> _Table | None:
    pooled = evaluation.pooled
    if not pooled:
        return None
    unit = evaluation.task.unit
    rows = [
        (
            model.translator,
            *(cell for description in (model.spearman, model.ause) for cell in _described(description)),
            DASH if model.ause_random is None else f"{model.ause_random.mean:.3f}",
            number(model.error[0].mean),
            number(model.error[-1].mean),
        )
        for model in pooled
    ]
    n = min(model.patients for model in pooled)
    reason = too_few(n)
    return _Table(
        f"Disagreement of the passes and absolute error ({unit}) over {counted(n, 'patient')}: "
        "Spearman's rank correlation over voxels, area under the sparsification error and that of an order by chance, "
        "mean absolute error in the tenths of least and of most disagreement; 95 % intervals by bootstrap."
        + (f" {sentence(reason)}" if reason else ""),
        (
            "Translator",
            "rho ↑",
            "95 % of it",
            "AUSE ↓",
            "95 % of it",
            "By chance",
            "Error, least",
            "Error, most",
        ),
        rows,
    )


def _described(description: Description | None) -> tuple[str, str]:
    if description is None:
        return DASH, DASH
    return _three_digits(description.mean), words_interval(description.of_mean, _three_digits)


def _three_digits(value: float) -> str:
    return true_minus(f"{value:.3f}")


def _marked(table: _Table, escape: Callable[[str], str], bold: Callable[[str], str]) -> list[list[str]]:
    return [
        [bold(escape(cell)) if (r, c) in table.best else escape(cell) for c, cell in enumerate(row)]
        for r, row in enumerate(table.rows)
    ]


def _texts(evaluation: Evaluation) -> Sequence[str]:
    """Return what belongs to the tables: cohort, protocols, notes, intended use."""
    task = evaluation.task
    columns = evaluation.main_columns()
    simulated = ", ".join(label(name) for name in task.simulated)
    return [
        f"{task.split.capitalize()} cases of the cohort {task.cohort} ({task.digest[:12]}).",
        *protocol_lines((column.protocol.text(), column.label) for column in columns),
        *([f"Simulated, measured by no scanner: {simulated}."] if simulated else []),
        *provenance.starting_notes(
            {
                name: provenance.starting_weights(evaluation.records.get(name, {}))
                for name in evaluation.models
            }
        ),
        *task.notes,
        INTENDED_USE,
    ]


def _title(evaluation: Evaluation) -> str:
    task = evaluation.task
    return f"{task_label(task.sources, task.target)}: evaluation"


def _heading(column: Column) -> str:
    return f"{title(column)} {'↑' if column.higher_is_better else '↓'}"


def _spread(evaluation: Evaluation, name: str, column: Column) -> str:
    summary = evaluation.of(name, column)
    if summary is None or summary.mean is None:
        return "\N{INFINITY}" if summary is not None and summary.n_infinite else DASH
    mean = signed(summary.mean, column)
    infinite = f" ({summary.n_infinite} \N{INFINITY})" if summary.n_infinite else ""
    return f"{mean}{'' if summary.std is None else f' ± {column.text(summary.std)}'}{infinite}"
