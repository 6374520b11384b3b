"""The section on uncertainty says whether disagreement tells of errors, and of how many patients."""

from __future__ import annotations

import math
from dataclasses import replace

from transmodal.evaluation.measures.disagreement import DisagreementRow
from transmodal.evaluation.report import disagreement
from transmodal.evaluation.result import Evaluation

TENTHS = tuple(0.01 * (n + 1) for n in range(10))


def _with_rows(evaluation: Evaluation, n_patients: int, ause: float = 0.1) -> Evaluation:
    rows = [
        DisagreementRow(f"case {n}", f"patient {n}", "unet", 100, TENTHS, TENTHS, -0.5 + 0.1 * n, ause, 0.4)
        for n in range(n_patients)
    ]
    return replace(evaluation, disagreements=tuple(rows))


def test_without_passes_there_is_no_section(evaluation: Evaluation) -> None:
    assert disagreement.section(evaluation) == ""


def test_a_helpful_disagreement_is_told_from_one_that_is_not(evaluation: Evaluation) -> None:
    helpful = disagreement.section(_with_rows(evaluation, 7))
    assert '<li class="yes"><code>unet</code> errs 10 times as much' in helpful
    assert "AUSE 0.100, by chance 0.400" in helpful
    assert "&minus;0.500" in helpful
    assert "its 95&nbsp;% interval" in helpful
    assert '<li class="not">' in disagreement.section(_with_rows(evaluation, 7, ause=0.5))


def test_few_patients_have_no_interval_and_a_reason(evaluation: Evaluation) -> None:
    text = disagreement.section(_with_rows(evaluation, 3))
    assert "No test and no interval: with 3 patients" in text
    assert "its 95&nbsp;% interval" not in text


def test_a_figure_that_there_is_not_sorts_last(evaluation: Evaluation) -> None:
    text = disagreement.section(_with_rows(evaluation, 7, ause=math.nan))
    assert "has no errors to tell of" in text
    assert text.count('<td data-value="">&ndash;</td>') == 7
