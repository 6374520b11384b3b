"""The parts of scoring one case: its target, its figures, its pair for networks, its errors by size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.evaluation import per_case
from transmodal.evaluation.task import EvaluationTask, Reference
from transmodal.volumes.intensity import IntensitySpec, fit

Make = Callable[..., Any]
FA = EvaluationTask(("t1",), "fa", 1.0, "mine", "d" * 64, "test")


def test_the_target_is_as_measured_unless_it_is_normalised(make_case: Make) -> None:
    case = make_case(0)
    measured = case.volume("t1")
    plain = per_case.read_target(case, replace(FA, target="t1"))
    assert np.array_equal(plain.voxels, measured.voxels)
    spec = IntensitySpec("percentile", 1, 99)
    cohort = fit(spec, 2 * measured.voxels, case.region("t1", "brain"))
    task = replace(FA, target="t1", reference=Reference(cohort, "t1", "brain"))
    np.testing.assert_allclose(
        per_case.read_target(case, task).voxels, 2 * measured.voxels, rtol=1e-4, atol=1e-2
    )


def test_figures_are_inside_the_mask_and_whole_and_become_rows(make_case: Make) -> None:
    case = make_case(0)
    target = case.volume("fa")
    synthetic = target.with_voxels(target.voxels + np.float32(0.1))
    inside, whole = per_case.measure_case(case, target, synthetic, FA, ["mae"])
    assert (inside.protocol.region, whole.protocol.region) == ("mask", "whole")
    row = per_case.build_row(case, "unet", inside)
    assert row[:4] == ("case-0", "patient of case-0", "unet", "mae")
    assert row.value == pytest.approx(0.1)


def test_organs_are_refused_without_labels(make_case: Make) -> None:
    case = make_case(0)
    target = case.volume("fa")
    with pytest.raises(InputError, match="case case-0 without a segmentation") as caught:
        per_case.measure_case(case, target, target, FA, ["ciede2000_organs"])
    assert caught.value.code == "E131"


def test_networks_get_the_case_with_its_scale(make_case: Make) -> None:
    case = make_case(0)
    target = case.volume("fa")
    pair = per_case.build_pair(case, "unet", target, target, FA)
    assert (pair.case, pair.translator, pair.unit, pair.scale) == ("case-0", "unet", "FA", (0.0, 1.0, "FA"))
    assert np.array_equal(pair.mask, case.mask())


def test_errors_are_counted_inside_the_mask_or_everywhere(make_case: Make) -> None:
    for case in (make_case(0), make_case(0, masked=False)):
        target = case.volume("fa")
        n = target.voxels.size if case.mask() is None else case.mask().sum()
        assert per_case.count_case_errors(case, target, target, FA).sum() == n
