"""Costs in units of noise: right for answers that are made up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from transmodal.experiments.study.studies.metrics.costs import Costs, gather
from transmodal.experiments.study.studies.metrics.distortions import distortions

NAMES = [kind.name for kind in distortions()]


def test_costs_are_told_in_the_noise_that_costs_as_much() -> None:
    costs = Costs(
        "mae 3D",
        {
            "noise": np.array([[0, 2, 5, 10, 20.0]]),
            "shift": np.array([[0, 1, 5, 7.5, 30.0]]),
            "gain": np.array([[0, 0, 0, 0, 0.0]]),
        },
    )
    assert costs.equal_noise("shift", 1) == pytest.approx(0.01)
    assert costs.equal_noise("shift", 2) == pytest.approx(0.05)
    assert costs.equal_noise("shift", 3) == pytest.approx(0.075)
    assert math.isinf(costs.equal_noise("shift", 4))
    assert costs.equal_noise("gain", 4) == 0
    assert costs.steps_seen("shift") == 1
    assert costs.steps_seen("gain") == 0


def test_metrics_that_rise_and_fall_are_turned_alike_and_rounding_is_no_step() -> None:
    answers: dict[str, dict[str, list[float | None]]] = {
        "psnr 3D": {name: [None, 40, 30, 20, 10] for name in NAMES},
        "mae 3D": {name: [0, 1, 2, 3, 4] for name in NAMES},
        "pcc 3D": {name: [1, 1 - 1e-15, 1 - 2e-15, 1, 1 - 1e-15] for name in NAMES},
    }
    answers["nmi 3D"] = {name: [None] * 5 for name in NAMES}
    psnr, mae, pcc, nothing = gather([{"answers": answers, "without": []}] * 2)
    assert psnr.steps_seen("blur") == mae.steps_seen("blur") == 1
    assert pcc.steps_seen("blur") == 0
    assert psnr.equal_noise("blur", 2) == pytest.approx(0.05)
    assert nothing.steps_seen("blur") == 0


def test_a_distortion_that_one_case_lacks_does_not_count() -> None:
    answers = {"mae 3D": {name: [0, 1, 2, 3, 4] for name in NAMES}}
    (mae,) = gather(
        [{"answers": answers, "without": []}, {"answers": answers, "without": ["lesion removed"]}]
    )
    assert "lesion removed" not in mae.by_distortion
    assert len(mae.by_distortion) == len(NAMES) - 1


def test_a_preference_is_the_share_of_images_in_which_the_worse_one_wins() -> None:
    costs = Costs(
        "ssim 3D",
        {
            "lesion invented": np.array([[0, 0, 0, 0, 1.0], [0, 0, 0, 0, 3.0]]),
            "gain": np.array([[0, 1, 2, 3, 4.0]] * 2),
        },
    )
    assert costs.preference("lesion invented", "gain") == 0.5
