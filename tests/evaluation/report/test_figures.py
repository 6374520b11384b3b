"""The tables of figures mark the best, hold every case, and say what is missing."""

from __future__ import annotations

import re
from dataclasses import replace

from transmodal.evaluation.report import page as report
from transmodal.evaluation.result import Evaluation


def test_the_best_mean_of_each_column_is_marked(evaluation: Evaluation) -> None:
    rows = re.findall(r"<tr><th scope=\"row\">unet</th>(.*?)</tr>", report.page(evaluation))
    assert rows[0].count('class="best"') == 4
    assert "0.0100" in rows[0]


def test_every_case_is_in_the_table(evaluation: Evaluation) -> None:
    body = report.page(evaluation).split('<table class="sortable">')[1].split("</table>")[0]
    assert body.count("<tr>") == 1 + 3 * 4
    assert len(re.findall(r'data-value="[\d.e-]+"', body)) == 3 * 4 * 4


def test_figures_that_are_missing_are_dashes(evaluation: Evaluation) -> None:
    fewer = replace(
        evaluation,
        rows=tuple(row for row in evaluation.rows if row.case != "case-1" or row.translator != "unet"),
    )
    body = report.page(fewer).split('<table class="sortable">')[1].split("</table>")[0]
    assert body.count('data-value=""') == 4
