"""Calibration windows are training's, evenly over cases, as the network gets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from transmodal.cohorts.store import Cohort
from transmodal.inference.load import load
from transmodal.quantizing.calibration import calibration_windows

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"


def test_windows_are_those_that_a_translation_hands_to_the_network() -> None:
    model, cases = load(EARLIER / "run"), Cohort.open(EARLIER / "cohort").cases("train")
    windows = calibration_windows(model, cases)
    config = model.translator.config
    assert windows.shape[1] == config.in_channels
    assert windows.dtype == np.float32
    assert all(np.ptp(window) > 0 for window in windows)
    assert np.abs(windows).max() <= 1


def test_few_windows_are_taken_from_every_case() -> None:
    model, cases = load(EARLIER / "run"), Cohort.open(EARLIER / "cohort").cases("train")
    assert len(cases) > 1
    whole = calibration_windows(model, cases)
    few = calibration_windows(model, cases, 2 * len(cases))
    assert len(few) == 2 * len(cases) < len(whole)
    per_case = [calibration_windows(model, [case]) for case in cases]
    for n, windows in enumerate(per_case):
        own = few[2 * n : 2 * n + 2]
        np.testing.assert_array_equal(own, windows[[0, -1]])
