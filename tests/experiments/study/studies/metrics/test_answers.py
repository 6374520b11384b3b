"""Answers of one case: every metric that applies is asked, of the image itself first."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError
from transmodal.experiments.study.studies.metrics.answers import DistortedCase, answer_case, range_in
from transmodal.volumes import Volume


def case_of(cohort: Path, metrics: tuple[str, ...] = ()) -> DistortedCase:
    store = Cohort.open(cohort)
    name = store.cases("test")[0].id
    return DistortedCase(name, cohort, "fa", metrics, 1.0, "", 3)


def test_all_that_apply_are_asked_and_the_image_itself_comes_first(cohort: Path) -> None:
    content = answer_case(case_of(cohort))
    names = set(content["answers"])
    assert {"mae 3D", "psnr 3D", "ssim 3D", "ssim 2D", "pcc 3D", "nmi 3D"} <= names
    assert not {name for name in names if name.startswith(("mae_organs", "stsim", "fsim"))}
    assert content["without"] == ["lesion removed"]
    for distortion, values in content["answers"]["mae 3D"].items():
        assert len(values) == 5, distortion
        assert values[0] == 0
    assert content["answers"]["psnr 3D"]["noise"][0] is None  # infinite
    json.dumps(content, allow_nan=False)


def test_the_range_is_the_modalitys_own_or_that_of_the_training_images(cohort: Path) -> None:
    store = Cohort.open(cohort)
    assert range_in(store, "fa", "") == 1
    values = np.concatenate([case.volume("t1").voxels[case.mask()] for case in store.cases("train")])
    assert 0.3 * np.ptp(values) < range_in(store, "t1", "") <= np.ptp(values)


def test_colour_is_refused(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colour = Volume(np.zeros((4, 4, 4, 3), np.uint8), np.eye(4))
    monkeypatch.setattr(PreparedCase, "volume", lambda self, name: colour)
    with pytest.raises(InputError) as refused:
        answer_case(case_of(cohort))
    assert refused.value.code == "E122"
