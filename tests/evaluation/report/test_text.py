"""The tables for a text hold the report's figures, mark the best, and cannot be broken by a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import text as tables
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask
from transmodal.notice import INTENDED_USE
from transmodal.volumes import Volume

Make = Callable[..., Any]
ODD = "a|b_c & 50 % #1"
FA = EvaluationTask(("t1",), "fa", 1.0, "atlas", "d" * 64, "test", 16, ("fa",), ("A note.",))


class Shifted:
    """Gives the target plus a constant."""

    def __init__(self, name: str, by: float) -> None:
        self.name = name
        self._by = by

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume("fa")
        return target.with_voxels(target.voxels.astype(np.float32) + np.float32(self._by))


@pytest.fixture
def evaluation(make_case: Make) -> Evaluation:
    entrants = Participants([Shifted(ODD, 0.01), Shifted("unet", 0.03)], [Shifted("lookup", 0.1)])
    return evaluate_cases(entrants, [make_case(n) for n in range(6)], FA)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_holds_figures_statistics_and_protocols(evaluation: Evaluation) -> None:
    text = tables.markdown(evaluation)
    lines = [cells(line) for line in text.splitlines() if line.startswith("|")]
    first, second = lines[:5], lines[5:]
    assert [len(line) for line in first] == [5] * 5
    assert [len(line) for line in second] == [7] * 5
    assert first[2][0] == ODD.replace("|", r"\|")
    assert first[2][1] == "**0.0100 ± 0.0000**"
    assert first[4][:2] == ["lookup", "0.1000 ± 0.0000"]
    assert second[3][4] == "+0.0200"
    assert second[2][4] == "\N{EN DASH}"
    assert "FA" in text.splitlines()[0]
    for wanted in (
        "A note.",
        INTENDED_USE,
        "Simulated, measured by no scanner: FA.",
        "inside the evaluation mask",
    ):
        assert wanted in text


def test_latex_is_balanced_and_escaped(evaluation: Evaluation) -> None:
    text = tables.latex(evaluation)
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"a|b\_c \& 50 \% \#1" in text
    assert r"\textbf{0.0100 $\pm$ 0.0000}" in text
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {4}
    assert body.splitlines()[-2] == r"\midrule"  # oracles stand apart


def test_few_patients_and_identical_images_are_said(make_case: Make) -> None:
    few = evaluate_cases(Participants([Shifted("same", 0.0)]), [make_case(0)], replace(FA, simulated=()))
    text = tables.markdown(few)
    assert "no interval" in text
    assert "\N{INFINITY}" in text
    assert "Simulated" not in text
    assert r"$\infty$" in tables.latex(few)


def test_figures_that_are_not_finite_have_no_statistics(evaluation: Evaluation) -> None:
    rows = tuple(row._replace(value=float("inf")) for row in evaluation.rows)
    assert tables.latex(replace(evaluation, rows=rows)).count(r"\begin{table}") == 1
