"""The enlarged square lies where the error is; the histogram counts every voxel once, where it belongs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transmodal.evaluation.drawing.figures import DisplayWindow
from transmodal.evaluation.measures.gallery import CasePictures, WindowedStrip
from transmodal.evaluation.measures.histogram import BINS, SHARE, count_errors, section
from transmodal.evaluation.report.zoom import square


def scene(error: np.ndarray) -> CasePictures:
    target = np.zeros(error.shape, np.float32)
    window = DisplayWindow(0.0, 1.0, "")
    made = {"unet": error.astype(np.float32)}
    return CasePictures("case", (), {}, WindowedStrip(target, window), made, 1.0, (), ())


@pytest.mark.parametrize("corner", [(0, 0), (0, 110), (28, 0), (28, 110), (13, 57)])
def test_the_square_holds_the_error(corner: tuple[int, int]) -> None:
    error = np.zeros((40, 122))
    row, column = corner
    error[row : row + 12, column : column + 12] = -2.0
    rows, columns = square(scene(error), "unet")
    assert (rows.start, rows.stop) == (row, row + 12)
    assert (columns.start, columns.stop) == (column, column + 12)


def test_a_small_picture_is_shown_whole() -> None:
    rows, columns = square(scene(np.ones((5, 6))), "unet")
    assert (rows.stop - rows.start, columns.stop - columns.start) == (5, 5)


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


def test_errors_outside_the_mask_are_not_enlarged() -> None:
    error = np.zeros((40, 122))
    error[0:12, 0:12] = 9.0
    error[20:32, 50:62] = 1.0
    area = np.full(error.shape, np.nan, np.float32)
    area[15:40, 40:80] = 1.0
    rows, columns = square(replace(scene(error), area=area), "unet")
    assert (rows.start, columns.start) == (20, 50)
