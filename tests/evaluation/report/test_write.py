"""The files of an evaluation say the same, and writing again gives the same bytes."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import page as report
from transmodal.evaluation.report.write import write
from transmodal.evaluation.task import EvaluationTask
from transmodal.notice import INTENDED_USE

Make = Callable[..., Any]
TASK = EvaluationTask(("t1",), "fa", 1.0, "cohort", "d" * 64, "test", 3)


def test_the_files_say_the_same(evaluated: Make, tmp_path: Path) -> None:
    evaluation = evaluated(0, 1)
    write(evaluation, tmp_path / "deep" / "folder")
    record = json.loads((tmp_path / "deep" / "folder" / "evaluation.json").read_text())
    with (tmp_path / "deep" / "folder" / "evaluation.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    keys = {"case", "patient", "translator", "metric", "value", "unit", "protocol"}
    assert all(set(row) == keys for row in record["rows"])
    assert [float(row["value"]) for row in table] == [row["value"] for row in record["rows"]]
    assert {row["protocol"] for row in record["rows"]} == set(record["protocols"])
    assert len(record["summary"]) == 3 * 8
    provenance = record["provenance"]
    assert provenance["intended_use"] == INTENDED_USE
    assert provenance["cohort"]["digest"] == "d" * 64
    assert provenance["cohort"]["n_cases"] == 2
    assert provenance["slices_excluded"] == {"case-0": 2, "case-1": 2}
    assert provenance["oracles"] == ["mean_target", "lookup"]
    assert "numpy" in provenance["versions"]


def test_writing_again_gives_the_same_bytes(evaluated: Make, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(evaluated(0, 1), tmp_path / name)
    for file in ("evaluation.json", "evaluation.csv", "report.html"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_identical_volumes_are_null_with_a_note(make_case: Make, noisy: Make, tmp_path: Path) -> None:
    evaluation = evaluate_cases(Participants([noisy("perfect", 0.0)]), [make_case(0), make_case(1)], TASK)
    write(evaluation, tmp_path)
    record = json.loads((tmp_path / "evaluation.json").read_text())
    psnr = [row for row in record["rows"] if row["metric"] == "psnr"]
    assert all(row["value"] is None and "identical" in row["note"] for row in psnr)
    assert {one["n_infinite"] for one in record["summary"] if one["metric"] == "psnr"} == {2}
    assert "NaN" not in (tmp_path / "evaluation.json").read_text()
    assert "Infinity" not in (tmp_path / "evaluation.json").read_text()


def test_pictures_stand_right_behind_the_summary(evaluated: Make) -> None:
    page = report.page(evaluated(0, 1))
    assert re.findall(r"<section[^>]*><h2>([^<]*)</h2>", page)[:2] == ["Figures", "Cases"]
