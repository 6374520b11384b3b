"""The report's statistics: what is compared with what, and silence where there are too few patients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report.significance import section, significance_rows
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume

Make = Callable[..., Any]
SUBJECT = EvaluationTask(("t1",), "fa", 1.0, "cohort", "d" * 64, "test", 3)


class Shifted:
    """Gives the target with an error that depends on the case."""

    def __init__(self, name: str, errors: dict[str, float]) -> None:
        self.name, self.errors = name, errors

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume("fa")
        return target.with_voxels(target.voxels + np.float32(self.errors[case.id]))


def evaluated(make_case: Make, patients: int) -> Evaluation:
    cases = [make_case(n) for n in range(patients)]
    draw = np.random.default_rng(4)
    errors = {case.id: float(draw.uniform(0.02, 0.05)) for case in cases}
    worse = {name: 1.5 * error + float(draw.uniform(0, 0.01)) for name, error in errors.items()}
    return evaluate_cases(Participants([Shifted("ours", errors)], [Shifted("lookup", worse)]), cases, SUBJECT)


def test_differences_are_paired_with_the_first_model(make_case: Make) -> None:
    evaluation = evaluated(make_case, 8)
    column = evaluation.main_columns()[0]
    ours, lookup = significance_rows(evaluation, column)
    values = {
        name: np.array(
            [
                row.value
                for row in evaluation.rows
                if (row.translator, row.metric, row.protocol) == (name, "mae", column.protocol)
            ]
        )
        for name in ("ours", "lookup")
    }
    assert ours.difference is None
    assert ours.description.mean == pytest.approx(values["ours"].mean())
    assert lookup.difference is not None
    assert lookup.difference.mean == pytest.approx((values["lookup"] - values["ours"]).mean())
    expected = stats.wilcoxon(values["lookup"], values["ours"]).pvalue
    assert lookup.p == pytest.approx(expected, abs=1e-3)
    text = section(evaluation)
    assert "8 patients" in text
    assert "+" in text
    assert "needed" not in text


def test_with_few_patients_no_test_is_printed_and_the_table_says_why(make_case: Make) -> None:
    evaluation = evaluated(make_case, 4)
    assert all(one.p is None for one in significance_rows(evaluation, evaluation.main_columns()[0]))
    text = section(evaluation)
    assert "No test and no interval" in text
    assert "6 are needed" in text


def test_identical_images_have_no_statistics_of_psnr(make_case: Make) -> None:
    case = make_case(0)
    evaluation = evaluate_cases(Participants([Shifted("same", {case.id: 0.0})]), [case], SUBJECT)
    psnr = next(column for column in evaluation.main_columns() if column.metric == "psnr")
    assert significance_rows(evaluation, psnr) == []
