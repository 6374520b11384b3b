"""What the cohort's page shows of a case is what its volumes hold."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.cohort_report.summary import SummaryJob, summarise_case, tilt_degrees
from transmodal.volumes import Grid


def test_a_look_holds_what_it_says(cohort: Cohort) -> None:
    entry = cohort.manifest.cases[0]
    one = summarise_case(SummaryJob(cohort.folder, entry, True))
    assert list(one.pictures) == ["t1", "ct"]
    assert one.native == {"t1": "LAS", "ct": "LAS"}
    mask = cohort.case("s0").mask()
    assert mask is not None
    inside = np.count_nonzero(mask)
    assert {sum(histogram.counts) for histogram in one.histograms.values()} == {inside}
    assert one.joints["t1", "ct"].information > 0.5
    plain = summarise_case(SummaryJob(cohort.folder, entry, False))
    assert (plain.pictures, plain.outline, plain.joints["t1", "ct"].picture) == ({}, b"", b"")
    assert plain.joints["t1", "ct"].information == one.joints["t1", "ct"].information


def test_tilt_is_the_angle_to_the_nearest_axis() -> None:
    turn = np.deg2rad(7)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    assert tilt_degrees(Grid((3, 3, 3), affine @ np.diag([2.0, -3, 1, 1]))) == pytest.approx(7)
    assert tilt_degrees(Grid((3, 3, 3), np.diag([2.0, -3, 1, 1]))) == 0
