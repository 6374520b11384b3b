"""How a slice's sides come to a window's."""

from __future__ import annotations

import numpy as np

from transmodal.volumes.windows.cut import (
    Cutting,
    Window,
    cut,
)


def test_keep_keeps_the_aspect_and_ignore_does_not() -> None:
    array = np.zeros((20, 40, 1), np.float32)
    array[4:16, 10:30] = 1
    window = Window(2, (0, 0, 0))
    kept = cut(array, window, Cutting(size=(80, 80), fit="keep"), fill=0)[0] > 0.5
    assert kept.any(axis=1).sum() == 24
    assert kept.any(axis=0).sum() == 40
    ignored = cut(array, window, Cutting(size=(80, 80), fit="ignore"), fill=0)[0] > 0.5
    assert ignored.any(axis=1).sum() == 48
    assert ignored.any(axis=0).sum() == 40
    padded = cut(array, window, Cutting(size=(80, 80), fit="keep"), fill=-7)[0]
    assert (padded[:18] == -7).all()
    assert (padded[22:58] >= 0).all()
