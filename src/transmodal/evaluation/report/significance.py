"""The report's statistics: intervals over patients, and paired tests against the first model."""

from __future__ import annotations

import math
from html import escape
from typing import NamedTuple

import numpy as np

from transmodal.counts import counted
from transmodal.evaluation.drawing.html import DASH, MINUS, column_heads, table_row
from transmodal.evaluation.drawing.words import p_value, sentence
from transmodal.evaluation.report.columns import interval, signed
from transmodal.evaluation.result import Column, Evaluation
from transmodal.evaluation.statistics.paired_tests import (
    Description,
    Difference,
    by_patient,
    describe,
    holm,
    paired,
    too_few,
)


class SignificanceRow(NamedTuple):
    """One translator over the patients.

    Attributes:
        name: of the translator.
        description: of its figures, one per patient.
        difference: from the first model, paired by patient; None for that model itself.
        p: of that difference, corrected over all rows (Holm); None without a test.
    """

    name: str
    description: Description
    difference: Difference | None
    p: float | None


def significance_rows(evaluation: Evaluation, column: Column) -> list[SignificanceRow]:
    """Return every translator whose figures are all finite; the first model is what others are compared with."""
    figures = {name: _figures(evaluation, column, name) for name in (*evaluation.models, *evaluation.oracles)}
    usable = {
        name: np.array(list(by_patient_figures.values()))
        for name, by_patient_figures in figures.items()
        if by_patient_figures and all(map(math.isfinite, by_patient_figures.values()))
    }
    if not usable:
        return []
    first = next(iter(usable))
    differences = {
        name: paired(values, usable[first])
        for name, values in usable.items()
        if name != first and len(values) == len(usable[first])
    }
    corrected = dict(
        zip(differences, holm([difference.p for difference in differences.values()]), strict=True)
    )
    return [
        SignificanceRow(name, describe(values), differences.get(name), corrected.get(name))
        for name, values in usable.items()
    ]


def section(evaluation: Evaluation) -> str:
    """Return the section: a table over the patients, and why there are no tests where there are none."""
    column = evaluation.main_columns()[0]
    tested = significance_rows(evaluation, column)
    if not tested:
        return ""
    patients = tested[0].description.n
    reason = too_few(patients)
    about = (
        f"{escape(column.label)} over {counted(patients, 'patient')}, each of equal weight. Intervals: 95 %, bootstrap over patients. "
        f"Differences from {escape(tested[0].name)} are paired by patient; p by Wilcoxon&rsquo;s signed-rank test, "
        "corrected for all rows (Holm); the effect size is the matched rank-biserial correlation."
    )
    note = f'<p class="about">{escape(sentence(reason))}</p>' if reason else ""
    heads = column_heads(("Mean", "Interval", "Median", "Difference", "Interval", "p", "Effect"))
    rows = "".join(_row(row, column) for row in tested)
    return (
        f'<section><h2>Statistics</h2><p class="about">{about}</p>{note}<div class="scroll"><table><thead><tr>'
        f"<th>Translator</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _figures(evaluation: Evaluation, column: Column, name: str) -> dict[str, float]:
    return by_patient(
        (row.patient, row.value)
        for row in evaluation.rows
        if (row.translator, row.metric, row.protocol) == (name, column.metric, column.protocol)
    )


def _row(row: SignificanceRow, column: Column) -> str:
    description, difference = row.description, row.difference
    cells = [
        column.text(description.mean),
        interval(description.of_mean, column, absent=DASH, minus=MINUS),
        column.text(description.median),
        signed(difference.mean, column, plus="+", minus=MINUS) if difference else DASH,
        interval(difference.interval, column, absent=DASH, minus=MINUS) if difference else DASH,
        p_value(row.p, below="&lt; 0.001", absent=DASH),
        f"{difference.rank_biserial:+.2f}".replace("-", MINUS) if difference else DASH,
    ]
    return table_row(row.name, cells)
