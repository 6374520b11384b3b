"""MR series that are no plain weighted images, each with its reason."""

from __future__ import annotations

import pytest

from transmodal.cohorts.headers.acquisition import Acquisition
from transmodal.cohorts.headers.mr_exclusion import find_exclusion


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        (Acquisition("t1 mprage sag"), ""),
        (Acquisition("t1", image_type=("ORIGINAL", "PRIMARY", "P")), "phase"),
        (Acquisition("t1", image_type=("DERIVED", "SECONDARY", "M", "SUB")), "a subtraction"),
        (Acquisition("t2", sequence_name="*ep_b0"), "diffusion"),
        (Acquisition("localizer"), "a localizer or a calibration"),
        (Acquisition("", protocol="scout"), "a localizer or a calibration"),
        (Acquisition("t1 sag", protocol="scout"), ""),
        (Acquisition("", scanning_sequence=("EP",)), "echo-planar"),
    ],
)
def test_the_reason_comes_from_the_header_before_the_words(series: Acquisition, reason: str) -> None:
    assert find_exclusion(series) == reason
