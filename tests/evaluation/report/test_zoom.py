"""The enlarged square lies where the error is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transmodal.evaluation.drawing.figures import DisplayWindow
from transmodal.evaluation.measures.gallery import CasePictures, WindowedStrip
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


def test_errors_outside_the_mask_are_not_enlarged() -> None:
    error = np.zeros((40, 122))
    error[0:12, 0:12] = 9.0
    error[20:32, 50:62] = 1.0
    area = np.full(error.shape, np.nan, np.float32)
    area[15:40, 40:80] = 1.0
    rows, columns = square(replace(scene(error), area=area), "unet")
    assert (rows.start, columns.start) == (20, 50)
