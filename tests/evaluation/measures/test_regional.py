"""Means by region are of the region's voxels, one patient counts once, and the plot shows what the table says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.measures import regional
from transmodal.evaluation.measures.regional import RegionRow, agreements
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import agreement
from transmodal.evaluation.report import page as report
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.statistics.agreement import bland_altman
from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume

Make = Callable[..., Any]
SHAPE = (14, 17, 12)
CT = EvaluationTask(("t1",), "ct", 4024.0, "atlas", "d" * 64, "test", 16)


class Off:
    """Gives the target, off by `by` HU in bone and by nothing elsewhere."""

    def __init__(self, name: str, by: float) -> None:
        self.name = name
        self._by = by

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume("ct")
        return target.with_voxels((target.voxels + self._by * (target.voxels >= 250)).astype(np.float32))


def head(seed: int) -> Volume:
    draw = np.random.default_rng(seed)
    hu = draw.choice([-1000.0, 40.0, 900.0 + 20 * seed], SHAPE).astype(np.float32)
    return Volume(hu, np.eye(4))


@pytest.fixture
def evaluation(make_case: Make) -> Evaluation:
    cases = [make_case(n, ct=head(n)) for n in range(7)]
    return evaluate_cases(
        Participants([Off("one", -50.0), Off("two", 10.0)], [Off("oracle", 0.0)]), cases, CT
    )


def test_means_are_of_the_voxels_of_the_region_inside_the_mask(make_case: Make) -> None:
    case = make_case(3, ct=head(3))
    made = Off("one", -50.0).translate_case(case)
    found = {one.region: one for one in regional.rows(case, case.volume("ct"), made, "one", "HU")}
    bone = case.inside & (case.volumes["ct"].voxels >= 250)
    assert found["bone"].n == np.count_nonzero(bone)
    assert found["bone"].measured == pytest.approx(960.0)
    assert found["bone"].synthetic == pytest.approx(910.0)
    assert found["air"].synthetic == found["air"].measured == -1000.0


def test_models_are_compared_over_patients(evaluation: Evaluation) -> None:
    found = {(one.translator, one.region): one.statistics for one in agreements(evaluation.regions)}
    assert {name for name, _ in found} == {"one", "two"}  # oracles have none
    bone = found["one", "bone"]
    assert bone.n == 7
    assert bone.bias == pytest.approx(-50.0, abs=1e-3)
    assert bone.upper - bone.lower == pytest.approx(0.0, abs=1e-3)
    assert found["two", "bone"].bias == pytest.approx(10.0, abs=1e-3)
    assert found["one", "soft tissue"].bias == 0.0


def test_json_holds_the_means_and_what_follows_from_them(evaluation: Evaluation) -> None:
    kept = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    own = [one for one in kept["regions"] if (one["translator"], one["region"]) == ("one", "bone")]
    bias = np.mean([one["synthetic"] - one["measured"] for one in own])
    (said,) = [one for one in kept["agreement"] if (one["translator"], one["region"]) == ("one", "bone")]
    assert said["bias"] == pytest.approx(bias, abs=1e-9)
    assert len(said["of_bias"]) == 2


def test_patients_count_once_and_empty_regions_not_at_all() -> None:
    rows = [
        RegionRow("a1", "a", "unet", "bone", 5, 100.0, 110.0),
        RegionRow("a2", "a", "unet", "bone", 5, 300.0, 330.0),
        RegionRow("b", "b", "unet", "bone", 5, 500.0, 500.0),
        RegionRow("c", "c", "unet", "bone", 0, float("nan"), float("nan")),
        RegionRow("a1", "a", "unet", "air", 5, -900.0, -900.0),
    ]
    (one,) = agreements(rows)
    assert one.patients == ("a", "b")
    assert one.measured.tolist() == [200.0, 500.0]
    assert one.statistics.bias == 10.0
    assert one.statistics.of_bias is None
    assert rows[3].to_json()["measured"] is None


def test_fa_has_parts_by_its_own_values_and_other_images_have_none(make_case: Make) -> None:
    case = make_case(0)
    fa = case.volume("fa")
    found = regional.rows(case, fa, fa, "same", "FA")
    assert len(found) == regional.PARTS
    assert sum(one.n for one in found) == np.count_nonzero(case.inside)
    means = [one.measured for one in found]
    assert means == sorted(means)
    assert regional.rows(case, fa, fa, "same", "reference units") == []
    flat = fa.with_voxels(np.zeros_like(fa.voxels))
    assert regional.rows(case, flat, fa, "same", "FA") == []


def test_the_report_draws_every_patient_of_every_region(evaluation: Evaluation) -> None:
    page = report.page(evaluation)
    drawn = page.split("<h2>Agreement by region</h2>")[1].split("</section>")[0]
    assert drawn.count("<h3>") == 2
    assert drawn.count("<figure") == 2 * 3
    assert drawn.count("<title>") == 2 * 3 * 7
    assert drawn.count("<rect") == 2 * 3 * 2  # intervals of both limits
    line = re.search(r'<tr><th scope="row">bone</th>(.*?)</tr>', drawn)
    assert line is not None
    assert "\N{MINUS SIGN}50.0" in line[1]
    assert "from 250 HU on" in drawn
    for _, y in re.findall(r'd="M([\d.]+) ([\d.]+)h0"', drawn):
        assert 0 <= float(y) <= 140


def test_one_patient_is_no_agreement(make_case: Make) -> None:
    alone = evaluate_cases(Participants([Off("one", 1.0)]), [make_case(0, ct=head(0))], CT)
    assert len(alone.regions) == 3
    assert agreement.section(alone) == ""


def test_few_patients_have_no_intervals(make_case: Make) -> None:
    few = evaluate_cases(Participants([Off("one", 1.0)]), [make_case(n, ct=head(n)) for n in range(3)], CT)
    drawn = agreement.section(few)
    assert "fewer than 6 patients" in drawn
    assert "<rect" not in drawn


def test_differences_that_are_all_equal_have_no_slope() -> None:
    measured = np.array([900.0, 920.0, 940.0, 960.0, 980.0, 1000.0])
    found = bland_altman(measured - 50, measured)
    assert (found.slope, found.of_slope) == (0.0, (0.0, 0.0))


def test_labels_of_a_segmentation_are_regions(make_case: Make) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:6, 8:10, 5:7] = 7
    labels[:2] = 20  # outside the mask
    cases = [replace(make_case(n, ct=head(n)), labels=labels) for n in range(2)]
    evaluation = evaluate_cases(Participants([Off("one", -50.0)]), cases, CT)
    own = {row.region: row for row in evaluation.regions if row.case == "case-0"}
    assert own["label 7"].n == 12
    assert own["label 7"].measured == pytest.approx(cases[0].volumes["ct"].voxels[labels == 7].mean())
    assert own["label 20"].n == 0
    found = {one.region for one in agreements(evaluation.regions)}
    assert found == {"air", "soft tissue", "bone", "label 7"}
    empty = replace(cases[0], labels=np.zeros(SHAPE, np.uint8))
    assert len(regional.rows(empty, empty.volumes["ct"], empty.volumes["ct"], "same", "HU")) == 3


def test_many_regions_are_in_the_table_alone(make_case: Make) -> None:
    i, j, _ = np.indices(SHAPE)
    labels = (1 + j + 20 * (i > 7)).astype(np.uint8)
    cases = [replace(make_case(n, ct=head(n)), labels=labels) for n in range(2)]
    drawn = agreement.section(evaluate_cases(Participants([Off("one", -50.0)]), cases, CT))
    assert drawn.count("<figure") < drawn.count('<th scope="row">')
    assert "more regions are in the table alone" in drawn


def test_labels_have_names_where_the_cohort_knows_them(make_case: Make) -> None:
    case = make_case(0, ct=head(0))
    labels = np.zeros(SHAPE, np.int16)
    labels[3:8, 4:9, 2:8], labels[8:11, 4:9, 2:8] = 1, 5
    case = replace(case, labels=labels)
    task = replace(CT, labels={1: "femur"})
    evaluation = evaluate_cases(Participants([Off("one", -50.0)]), [case], task)
    assert {"femur (label 1)", "label 5"} <= {one.region for one in evaluation.regions}
    assert evaluation.to_json()["scoring"]["labels"] == {"1": "femur"}
    plain = evaluate_cases(Participants([Off("one", -50.0)]), [case], CT)
    assert {"label 1", "label 5"} <= {one.region for one in plain.regions}
    assert "labels" not in plain.to_json()["scoring"]
