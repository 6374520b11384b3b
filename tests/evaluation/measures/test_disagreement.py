"""What a disagreement is worth: per case, over patients, in every file, in the report and its pictures."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.measures import disagreement
from transmodal.evaluation.measures.disagreement import DisagreementRow
from transmodal.evaluation.participants import CaseTranslation, Participants
from transmodal.evaluation.report import disagreement as disagreement_section
from transmodal.evaluation.report import page as report
from transmodal.evaluation.report import text as tables
from transmodal.evaluation.report.write import write
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume

Make = Callable[..., Any]
FA = EvaluationTask(("t1",), "fa", 1.0, "mine", "d" * 64, "test", 16)
RECORDS = {"three": {"passes": {"axes": ["x", "y", "z"], "fuse": "mean"}}}


def ramp(shape: tuple[int, ...]) -> Any:  # noqa: ANN401  # an array
    """Rise from 0 to 10, so that no two voxels are equal."""
    return np.linspace(0, 10, int(np.prod(shape))).reshape(shape)


class Plain:
    """Gives the target and an error that rises from voxel to voxel; says nothing of it."""

    def __init__(self, name: str, size: float = 0.1, target: str = "fa") -> None:
        self.name = name
        self._size = size
        self._target = target

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume(self._target)
        return target.with_voxels(target.voxels.astype(np.float64) + self._error(target))

    def _error(self, target: Volume) -> Any:  # noqa: ANN401  # an array
        shape = target.voxels.shape
        return (
            self._size * ramp(shape)
            if len(shape) == 3
            else self._size * ramp(shape[:3])[..., None] * np.ones(3)
        )


class Doubting(Plain):
    """Says where it errs: by a map of the error."""

    def __init__(self, name: str, says: Callable[[Any], Any], size: float = 0.1, target: str = "fa") -> None:
        super().__init__(name, size, target)
        self._says = says

    def with_disagreement(self, case: Any) -> CaseTranslation:  # noqa: ANN401
        made = self.translate_case(case)
        return CaseTranslation(made, made.with_voxels(self._says(self._error(made))))


def evaluated(make_case: Make, n: int = 6, **more: Any) -> Evaluation:  # noqa: ANN401
    entrants = Participants(
        [Doubting("three", lambda error: error / 4), Plain("one")], [Plain("lookup", 0.2)], RECORDS
    )
    return evaluate_cases(entrants, [make_case(seed) for seed in range(n)], FA, **more)


def test_only_what_disagrees_is_judged_and_inside_the_mask(make_case: Make) -> None:
    found = evaluated(make_case, 2).disagreements
    assert [(one.case, one.translator) for one in found] == [("case-0", "three"), ("case-1", "three")]
    case = make_case(0)
    error = 0.1 * ramp(case.inside.shape)
    assert found[0].n == case.inside.sum()
    assert np.mean(found[0].error) == pytest.approx(error[case.inside].mean())
    assert found[0].error == pytest.approx([4 * one for one in found[0].disagreement])
    assert found[0].spearman == pytest.approx(1)
    assert found[0].ause == pytest.approx(0, abs=1e-9)
    whole = disagreement.row(
        make_case(0, masked=False), *(Volume(one, np.eye(4)) for one in (0 * error, error, error)), "x"
    )
    assert whole.n == error.size


def test_a_map_that_knows_nothing_is_found_out(make_case: Make) -> None:
    def blind(error: Any) -> Any:  # noqa: ANN401
        return np.random.default_rng(0).random(error.shape)

    one = evaluate_cases(Participants([Doubting("blind", blind)]), [make_case(0)], FA)
    (row,) = one.disagreements
    assert row.spearman == pytest.approx(0, abs=0.1)
    assert row.ause == pytest.approx(row.ause_random, rel=0.1)


def test_patients_count_once(make_case: Make) -> None:
    def row(case: str, patient: str, error: float, rho: float) -> DisagreementRow:
        return DisagreementRow(case, patient, "unet", 10, (1.0,) * 10, (error,) * 10, rho, 0.1, math.nan)

    (found,) = disagreement.pool([row("a1", "a", 1, 0.5), row("a2", "a", 3, math.nan), row("b", "b", 6, 0.1)])
    assert found.patients == 2
    assert [one.mean for one in found.error] == [4.0] * 10
    assert found.spearman is not None
    assert (found.spearman.n, found.spearman.mean) == (2, pytest.approx(0.3))
    assert found.ause_random is None
    assert found.to_json()["ause_random"] is None
    assert found.to_json()["error_low"] == [None] * 10
    six = disagreement.pool([row(str(n), str(n), n, 0.1 * n) for n in range(6)])[0].to_json()
    assert six["error_low"][0] < six["error"][0] == 2.5 < six["error_high"][0]
    assert six["spearman"]["low"] < six["spearman"]["mean"] < six["spearman"]["high"]


def test_the_files_carry_it_apart_from_the_metrics(make_case: Make, tmp_path: Path) -> None:
    evaluation = evaluated(make_case)
    write(evaluation, tmp_path)
    record = json.loads((tmp_path / "evaluation.json").read_text())
    said = record["uncertainty"]
    assert len(said["cases"]) == 6
    assert said["volumes"] == {}
    assert "no calibrated uncertainty" in said["protocol"]
    assert "Ilg" in said["protocol"]
    assert not any("disagreement" in row["metric"] for row in record["rows"])
    assert not any("disagreement" in one["metric"] for one in record["summary"])
    with (tmp_path / "evaluation.csv").open(newline="") as file:
        lines = [row for row in csv.DictReader(file) if row["protocol"] == said["protocol"]]
    assert len(lines) == 6 * (3 + 2 * 10)
    tenths = {
        (row["case"], row["metric"]): float(row["value"])
        for row in lines
        if row["metric"].startswith("mae_in_")
    }
    assert tenths["case-3", "mae_in_tenth_10"] == said["cases"][3]["error"][9]
    assert {row["unit"] for row in lines} == {"1", "FA"}
    text = tables.markdown(evaluation)
    assert "| three | 1.000 | 1.000 to 1.000 | 0.000 |" in text
    assert "sparsification error" in tables.latex(evaluation)


def test_nothing_is_said_where_there_is_one_pass(make_case: Make, tmp_path: Path) -> None:
    one = evaluate_cases(Participants([Plain("one")]), [make_case(0)], FA)
    write(one, tmp_path)
    assert json.loads((tmp_path / "evaluation.json").read_text())["uncertainty"] is None
    assert "tenth" not in (tmp_path / "evaluation.csv").read_text()
    assert "isagreement" not in report.page(one).split("</style>")[1]
    assert "isagreement" not in tables.markdown(one)
    assert disagreement_section.section(one) == ""


def test_a_figure_that_is_not_there_is_empty_with_a_note(make_case: Make, tmp_path: Path) -> None:
    entrants = Participants([Doubting("flat", lambda error: 0 * error + 1), Doubting("exact", abs, size=0.0)])
    evaluation = evaluate_cases(entrants, [make_case(0)], FA)
    write(evaluation, tmp_path)
    flat, exact = json.loads((tmp_path / "evaluation.json").read_text())["uncertainty"]["cases"]
    assert flat["spearman"] is None
    assert flat["ause"] == pytest.approx(flat["ause_random"])
    assert exact["ause"] is exact["ause_random"] is exact["spearman"] is None
    with (tmp_path / "evaluation.csv").open(newline="") as file:
        rows = {(row["translator"], row["metric"]): row for row in csv.DictReader(file)}
    assert rows["flat", "disagreement_spearman"]["value"] == ""
    assert "same at every voxel" in rows["flat", "disagreement_spearman"]["note"]
    drawn = disagreement_section.section(evaluation)
    assert "has no errors to tell of" in drawn
    assert 'data-value=""' in drawn
    assert "nan" not in drawn
    assert "| exact |" + 5 * " \N{EN DASH} |" in tables.markdown(evaluation)


def test_the_section_says_what_it_is_and_whether_it_helps(make_case: Make) -> None:
    drawn = disagreement_section.section(evaluated(make_case))
    assert "It is no calibrated uncertainty" in drawn
    assert "three: slices across x, y, z" in drawn
    assert re.search(r'<li class="yes"><code>three</code> errs [\d.]+ times as much', drawn)
    assert drawn.count("<figure") == drawn.count("<polygon") == 1
    assert drawn.count("<path") == 10
    assert drawn.split('class="sortable"')[1].count("<tr>") == 1 + 6
    assert "no interval" not in drawn
    misled = Participants([Doubting("<misled>", lambda error: 9 - error)])
    wrong = disagreement_section.section(evaluate_cases(misled, [make_case(0)], FA))
    assert '<li class="not"><code>&lt;misled&gt;</code> errs 0.' in wrong
    assert "No test and no interval: 1 patient" in wrong
    assert "<polygon" not in wrong
    assert "its 95&nbsp;% interval" in drawn
    assert "its 95&nbsp;% interval" not in wrong
    assert "&minus;1.000" in wrong
    assert "<misled>" not in wrong


def test_maps_stand_beside_the_errors(make_case: Make) -> None:
    evaluation = evaluated(make_case, 1)
    (scene,) = evaluation.gallery
    assert list(scene.spreads) == ["three"]
    off = scene.synthetic["three"] - scene.target.strip
    np.testing.assert_allclose(scene.spreads["three"], off / 4, atol=1e-5, equal_nan=True)
    assert scene.spread_limit == pytest.approx(0.25)  # a quarter of 1, to 99 % of the mask
    page = report.page(evaluation)
    assert page.count("<b>disagreement</b>") == page.count("<b>absolute error</b>") == 1
    assert "beside the disagreement of the passes" in page
    without = report.page(replace(evaluation, gallery=(replace(scene, spreads={}),)))
    assert "<b>disagreement</b>" not in without
    assert len(re.findall("<img", page)) == len(re.findall("<img", without)) + 2


def test_colour_is_shown_by_the_mean_over_its_channels(make_case: Make) -> None:
    photo = np.random.default_rng(0).integers(0, 200, (14, 17, 12, 3), dtype=np.uint8)
    case = make_case(0, colour=Volume(photo, np.eye(4)))
    task = replace(FA, target="colour", data_range=255.0)
    evaluation = evaluate_cases(Participants([Doubting("three", abs, 2.0, "colour")]), [case], task)
    assert evaluation.disagreements[0].spearman == pytest.approx(1)
    assert evaluation.gallery[0].spreads["three"].ndim == 2
    assert "sRGB levels" in disagreement_section.section(evaluation)
    assert "<b>disagreement</b>" in report.page(evaluation)


def test_a_disagreement_that_is_not_finite_is_refused(make_case: Make) -> None:
    broken = Participants([Doubting("broken", lambda error: error + np.inf)])
    with pytest.raises(InputError) as caught:
        evaluate_cases(broken, [make_case(0)], FA)
    assert caught.value.code == "E120"
