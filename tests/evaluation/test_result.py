"""Findings and the summary of an evaluation, as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import page as report
from transmodal.evaluation.task import EvaluationTask

Make = Callable[..., Any]
TASK = EvaluationTask(("t1",), "fa", 1.0, "cohort", "d" * 64, "test", 3)


def test_findings_name_the_oracles_that_a_model_does_not_beat(
    make_case: Make, noisy: Make, evaluated: Make
) -> None:
    ((model, text),) = evaluated(0, 1).findings()
    assert model == "unet"
    assert text.startswith("does not beat lookup in MAE, PSNR")
    assert "mean_target" not in text
    better = Participants([noisy("unet", 0.001)], [noisy("mean_target", 0.02), noisy("lookup", 0.005)])
    ((_, praise),) = evaluate_cases(better, [make_case(0)], TASK).findings()
    assert praise == "beats mean_target and lookup in MAE, PSNR, SSIM 3D and SSIM 2D."
    assert evaluate_cases(Participants([noisy("unet", 0.1)]), [make_case(0)], TASK).findings() == []


def test_the_registered_mean_is_an_oracle_and_named_first_where_it_wins(make_case: Make, noisy: Make) -> None:
    oracles = [noisy("mean_target", 0.05), noisy("lookup", 0.04), noisy("registered_mean", 0.001)]
    evaluation = evaluate_cases(Participants([noisy("unet", 0.01)], oracles), [make_case(0)], TASK)
    ((_, text),) = evaluation.findings()
    assert text == "does not beat registered_mean in MAE, PSNR, SSIM 3D and SSIM 2D."
    worst = evaluate_cases(Participants([noisy("unet", 0.1)], oracles), [make_case(0)], TASK)
    assert worst.findings()[0][1].startswith("does not beat registered_mean in MAE")
    header = report.page(evaluation).split("</header>")[0]
    assert "does not beat registered_mean" in header


def test_the_summary_as_text(evaluated: Make) -> None:
    lines = evaluated(0).summary_text().splitlines()
    assert lines[0].split() == ["MAE", "(FA)", "PSNR", "(dB)", "SSIM", "3D", "SSIM", "2D"]
    assert lines[1].split()[:3] == ["unet", "0.0100", "40.00"]
    assert [line.split()[0] for line in lines[1:]] == ["unet", "mean_target", "lookup"]


class _Rows(tuple[Any, ...]):
    """Rows that count how often somebody goes through all of them."""

    passes = 0

    def __iter__(self) -> Iterator[Any]:
        type(self).passes += 1
        return super().__iter__()


def test_kinds_of_figures_are_looked_for_once_however_many_rows_there_are(evaluated: Make) -> None:
    evaluation = replace(evaluated(0, 1), rows=())
    object.__setattr__(evaluation, "rows", _Rows(evaluated(0, 1).rows))
    assert evaluation.columns("mask")
    assert evaluation.columns("whole")
    assert evaluation.main_columns() == evaluated(0).main_columns()
    assert _Rows.passes == 1
