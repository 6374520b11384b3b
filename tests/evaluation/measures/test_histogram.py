"""The histogram counts every voxel once, where it belongs."""

from __future__ import annotations

import numpy as np

from transmodal.evaluation.measures.histogram import BINS, SHARE, count_errors, section


def test_every_voxel_counts_once() -> None:
    reference = np.zeros(7)
    synthetic = np.array([0.0, 0.001, 0.25 * 4, -0.25 * 4, 9.0, -9.0, 0.5])
    counts = count_errors(reference, synthetic, 4.0)
    assert counts.shape == (BINS,)
    assert counts.sum() == 7
    assert counts[BINS // 2] == 2  # no error to speak of
    assert counts[-1] == 2  # at the end, and beyond it
    assert counts[0] == 2
    middle = BINS // 2 + round(0.5 / (SHARE * 4.0) * (BINS // 2))
    assert counts[middle] == 1


def test_nothing_counted_is_nothing_drawn() -> None:
    assert section({}, ("unet",), 1.0, "FA") == ""
    assert section({"unet": np.zeros(BINS, np.int64)}, ("unet",), 1.0, "FA") == ""
    drawn = section({"unet": np.ones(BINS, np.int64)}, ("unet", "other"), 1.0, "FA")
    assert drawn.count("<polyline") == 1
    assert "0.25 FA" in drawn
