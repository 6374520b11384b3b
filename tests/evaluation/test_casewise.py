"""Every case is translated and scored by every participant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.task import EvaluationTask, Reference
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

Make = Callable[..., Any]
TASK = EvaluationTask(("t1",), "fa", 1.0, "cohort", "d" * 64, "test", 3)


def test_every_case_and_entrant_has_every_figure(evaluated: Make) -> None:
    evaluation = evaluated(2, 0, 1)
    assert evaluation.cases == ("case-2", "case-0", "case-1")
    assert len(evaluation.rows) == 3 * 3 * 8
    maes = {
        (row.case, row.translator): row.value
        for row in evaluation.rows
        if row.metric == "mae" and row.protocol.region == "mask"
    }
    assert maes["case-2", "unet"] == pytest.approx(0.03, abs=1e-6)
    assert maes["case-0", "lookup"] == pytest.approx(0.005, abs=1e-6)
    assert evaluation.rows[0].patient == "patient of case-2"


def test_the_first_the_best_and_the_worst_case_are_shown(evaluated: Make) -> None:
    scenes = evaluated(2, 0, 1, 4, 3).gallery
    assert [(scene.case, scene.why) for scene in scenes] == [
        ("case-2", ("first case",)),
        ("case-0", ("best MAE of unet",)),
        ("case-4", ("worst MAE of unet",)),
    ]
    (only,) = evaluated(5).gallery
    assert only.why == ("first case", "best MAE of unet", "worst MAE of unet")


def test_error_maps_take_their_limit_from_the_models(make_case: Make, noisy: Make) -> None:
    case = make_case(0)
    loud = Participants([noisy("unet", 0.009)], [noisy("lookup", 0.9)])
    assert evaluate_cases(loud, [case], TASK).gallery[0].limit == pytest.approx(0.01)
    assert evaluate_cases(Participants([], loud.oracles), [case], TASK).gallery[0].limit == pytest.approx(1.0)


def test_without_masks_the_whole_volume_is_scored(evaluated: Make) -> None:
    evaluation = evaluated(0, 1, masked=False)
    assert evaluation.columns("mask") == []
    assert [column.label for column in evaluation.main_columns()] == ["MAE", "PSNR", "SSIM 3D", "SSIM 2D"]
    assert evaluation.gallery[0].border == ()


def test_progress_is_told(make_case: Make, noisy: Make) -> None:
    told: list[tuple[str, int, int]] = []
    cases = [make_case(0), make_case(1)]
    evaluate_cases(Participants([noisy("unet", 0.1)]), cases, TASK, progress=lambda *what: told.append(what))
    assert told == [("evaluate", 1, 2), ("evaluate", 2, 2)]


def test_no_cases_and_twins_are_refused(make_case: Make, noisy: Make) -> None:
    with pytest.raises(InputError, match="no test case in cohort cohort") as empty:
        evaluate_cases(Participants([noisy("unet", 0.1)]), [], TASK)
    assert empty.value.code == "E132"
    with pytest.raises(UsageError, match="different names"):
        evaluate_cases(Participants([noisy("a", 0.1), noisy("a", 0.2)]), [make_case(0)], TASK)
    with pytest.raises(UsageError, match="one or more"):
        evaluate_cases(Participants([]), [make_case(0)], TASK)


def test_a_scanners_gain_does_not_count_when_the_target_is_normalised(make_case: Make) -> None:
    reference = fit(IntensitySpec("minmax"), np.array([0.0, 1000.0]))
    ramp = np.linspace(0, 1000, 14 * 17 * 12).reshape(14, 17, 12).astype(np.float32)
    same = Volume(ramp, np.eye(4))
    loud = make_case(0, masked=False, t2=Volume(3 * ramp + 100, np.eye(4)))

    class Knowing:
        name = "knowing"

        def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
            return same

    plain = EvaluationTask(("t1",), "t2", 1000.0, "cohort", "d" * 64, "test", 3)
    for task, mae in (
        (plain, 1100.0),
        (replace(plain, reference=Reference(reference, "t1", "whole")), 0.0),
    ):
        rows = evaluate_cases(Participants([Knowing()]), [loud], task).rows
        (row,) = [row for row in rows if row.metric == "mae" and row.protocol.region == "whole"]
        assert row.value == pytest.approx(mae, abs=0.1)
        assert row.protocol.target_normalised == (task.reference is not None)
        assert ("target-normalised" in row.protocol.text()) == (task.reference is not None)


def test_a_target_is_scaled_in_the_region_in_which_training_fitted(make_case: Make) -> None:
    ramp = np.linspace(0, 1000, 14 * 17 * 12).reshape(14, 17, 12).astype(np.float32)
    same = Volume(ramp, np.eye(4))
    case = make_case(0, t2=Volume(3 * ramp + 100, np.eye(4)))  # its mask is a part of the volume
    inside = case.region("t1", "brain")
    spec = IntensitySpec("percentile", 1.0, 99.0)

    class Knowing:
        name = "knowing"

        def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
            return same

    for region, mask in (("brain", inside), ("whole", None)):
        reference = Reference(fit(spec, ramp, mask), "t1", region)
        task = EvaluationTask(("t1",), "t2", 1000.0, "cohort", "d" * 64, "test", 3, reference=reference)
        rows = evaluate_cases(Participants([Knowing()]), [case], task).rows
        assert max(row.value for row in rows if row.metric == "mae") < 0.1, region
