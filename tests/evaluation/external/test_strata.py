"""Strata have the statistics of their patients; the drop is home minus here, with an interval that covers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.external.strata import (
    METHOD,
    InternalTest,
    Point,
    Strata,
    describe_strata,
    to_json,
)
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import page as report
from transmodal.evaluation.report import strata as away_table
from transmodal.evaluation.report.write import write
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.statistics.bootstrap import unpaired
from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume

Make = Callable[..., Any]
EVIL = "<b>&"
AWAY = EvaluationTask(("t1",), "fa", 1.0, "elsewhere", "e" * 64, "all", 9, fitted_on="home")


class Shifted:
    """Gives the target plus a constant that grows with the case's number."""

    def __init__(self, name: str, by: float) -> None:
        self.name = name
        self._by = by

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume("fa")
        return target.with_voxels(target.voxels + np.float32(self._by * (1 + int(case.id[-1]))))


@pytest.fixture
def evaluation(make_case: Make) -> Evaluation:
    cases = [make_case(n) for n in range(8)]
    made = evaluate_cases(Participants([Shifted("unet", 0.01)], [Shifted("lookup", 0.02)]), cases, AWAY)
    patients = tuple(f"patient of case-{n}" for n in range(8))
    groups = {"site": {EVIL: patients[:6], "hh": patients[6:]}}
    (mae,) = {
        point.protocol for point in made.points() if point.metric == "mae" and "whole" not in point.protocol
    }
    own = {f"own {n}": 0.005 + 0.001 * n for n in range(7)}
    home = InternalTest("home", "h" * 64, "as written", {("unet", "mae", mae): own})
    return replace(made, strata=Strata("participants.tsv", "a" * 64, groups), internal_test=home)


def test_strata_are_described_patient_by_patient() -> None:
    points = [
        Point("a", "unet", "mae", "HU", "p", 1.0),
        Point("a", "unet", "mae", "HU", "p", 3.0),
        Point("b", "unet", "mae", "HU", "p", 5.0),
        Point("c", "unet", "mae", "HU", "p", float("inf")),
    ]
    groups = {"sex": {"F": ("a", "b"), "M": ("c",)}}
    found = {(one.by, one.name): one for one in describe_strata(points, Strata("t", "s", groups), None)}
    assert set(found) == {("", ""), ("sex", "F")}  # nothing finite is left of M
    assert found["sex", "F"].description.n == 2
    assert found["sex", "F"].description.mean == 3.5
    assert found["sex", "F"].drop is None


def test_the_drop_is_home_minus_here(evaluation: Evaluation) -> None:
    found = {
        (one.translator, one.name): one
        for one in describe_strata(evaluation.points(), evaluation.strata, evaluation.internal_test)
        if one.metric == "mae" and "whole" not in one.protocol
    }
    whole = found["unet", ""]
    assert whole.internal is not None
    assert whole.drop is not None
    assert whole.drop.mean == pytest.approx(0.008 - 0.045, abs=1e-6)
    assert whole.drop.interval is not None
    assert whole.drop.interval.low < whole.drop.mean < whole.drop.interval.high < 0
    small = found["unet", "hh"]
    assert small.drop is not None
    assert small.drop.interval is None  # two patients
    assert found["lookup", ""].drop is None  # nothing is known of it at home


def test_other_protocols_are_not_held_against_each_other(evaluation: Evaluation) -> None:
    assert evaluation.internal_test is not None
    moved = evaluation.internal_test._replace(
        figures={
            (*key[:2], f"{key[2]}; otherwise"): one for key, one in evaluation.internal_test.figures.items()
        }
    )
    assert all(one.drop is None for one in describe_strata(evaluation.points(), None, moved))
    page = report.page(replace(evaluation, internal_test=moved))
    assert "No figure was taken there under the protocol of here." in page


def test_json_and_csv_hold_it_all(evaluation: Evaluation, tmp_path: Path) -> None:
    write(evaluation, tmp_path)
    kept = json.loads((tmp_path / "evaluation.json").read_text())["elsewhere"]
    assert kept["method"] == METHOD
    assert kept["phenotypes"]["groups"]["site"]["hh"] == ["patient of case-6", "patient of case-7"]
    assert kept["home"]["figures"][0]["patients"]["own 3"] == 0.008
    rows = list(csv.DictReader(io.StringIO((tmp_path / "strata.csv").read_text())))
    assert len(rows) == len(kept["figures"]) == 3 * 2 * 8
    first = next(row for row in rows if row["translator"] == "unet" and row["drop"])
    assert float(first["drop"]) == kept["figures"][0]["drop"]["mean"]
    assert float(first["drop_low"]) < float(first["drop"])


def test_without_strata_and_home_there_is_nothing(evaluation: Evaluation, tmp_path: Path) -> None:
    plain = replace(evaluation, strata=None, internal_test=None)
    assert to_json(plain.points(), None, None) is None
    assert away_table.section(plain) == away_table.table_csv(plain) == ""
    write(plain, tmp_path)
    assert not (tmp_path / "strata.csv").exists()


def test_the_report_shows_strata_and_the_drop(evaluation: Evaluation) -> None:
    page = report.page(evaluation)
    shown = page.split("<h2>By site and group</h2>")[1].split("</section>")[0]
    assert EVIL not in shown
    assert "&lt;b&gt;&amp;, 6 patients" in shown
    assert "hh, 2 patients" in shown
    assert "Against home" in shown
    assert "worse here" in shown
    assert "\N{MINUS SIGN}0.0370" in shown
    assert "lookup" in shown
    assert "all 8 cases of the cohort" in page
    assert "he oracles learned from the cohort <em>home</em>" in page


def test_strata_without_home_have_no_drop(evaluation: Evaluation) -> None:
    shown = away_table.section(replace(evaluation, internal_test=None))
    assert "no drop is shown" in shown
    assert "<th>Drop" not in shown
    assert "Against" not in shown


@pytest.mark.parametrize(("n", "m", "wide"), [(6, 6, 1.0), (20, 6, 3.0), (8, 25, 2.0)])
def test_the_interval_of_a_drop_covers_and_is_about_welchs(n: int, m: int, wide: float) -> None:
    rng = np.random.default_rng(7)
    covered, widths = [], []
    for seed in range(300):
        first, second = rng.normal(1, 1, n), rng.normal(0, wide, m)
        low, high = unpaired(first, second, resamples=799, seed=seed)
        covered.append(low <= 1 <= high)
        welch = stats.ttest_ind(first, second, equal_var=False).confidence_interval()
        widths.append((high - low) / (welch.high - welch.low))
    assert 0.90 <= np.mean(covered) <= 0.985
    assert np.median(widths) == pytest.approx(1, abs=0.08)


def test_groups_that_do_not_vary_have_a_point() -> None:
    low, high = unpaired(np.full(6, 3.0), np.full(7, 1.0))
    assert (low, high) == (2.0, 2.0)
