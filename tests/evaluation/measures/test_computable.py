"""Metrics that a case can have no value of are refused before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.measures.computable import ScoredCase, check, check_cases

GREY = ScoredCase("a", (64, 60, 40), has_labels=True, has_mask=True)
COLOUR = GREY._replace(shape=(64, 60, 40, 3))


def test_metrics_that_fit_pass() -> None:
    check(["mae", "ms_ssim", "stsim2", "gradient_error", "ring_energy"], "fa", GREY)
    check(["ciede2000_organs", "fsim_colour", "stsim2_source"], "colour", COLOUR)


@pytest.mark.parametrize(
    ("metric", "case", "message"),
    [
        ("ciede2000", GREY, "the metric ciede2000 of fa, which is grey"),
        ("lattice_excess", COLOUR, "the metric lattice_excess of fa, which is colour"),
        ("stsim1", GREY._replace(shape=(64, 31, 40)), "64 x 31 x 40; expected 32 pixels or more"),
        ("gradient_error", GREY._replace(shape=(64, 60, 1)), "2 slices or more"),
    ],
)
def test_metrics_of_other_volumes_are_refused(metric: str, case: ScoredCase, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        check([metric], "fa", case)
    assert caught.value.code == "E004"


@pytest.mark.parametrize(
    ("metric", "case", "message"),
    [
        ("delta_cf_organs", COLOUR._replace(has_labels=False), "case a without a segmentation"),
        ("outside_energy", GREY._replace(has_mask=False), "case a without a mask"),
    ],
)
def test_cases_that_lack_a_part_are_refused(metric: str, case: ScoredCase, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        check([metric], "fa", case)
    assert caught.value.code == "E131"


def test_prepared_cases_are_looked_at_for_metrics_beside_the_standard_ones(
    make_case: Callable[..., Any],
) -> None:
    cases = [make_case(0)]
    check_cases(["mae", "psnr", "ssim", "lpips"], "fa", cases, has_mask=True)
    check_cases(["stsim2"], "ct", cases, has_mask=True)  # no such target: the case is not scored
    with pytest.raises(UsageError, match="the metric stsim2 of case case-0"):
        check_cases(["stsim2"], "fa", cases, has_mask=True)
