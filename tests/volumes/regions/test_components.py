"""The largest part of a mask, and its holes."""

from __future__ import annotations

import numpy as np

from transmodal.volumes import Grid
from transmodal.volumes.regions import masks


def test_components_and_holes() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[1:6, 1:6, 1:6] = True
    mask[3, 3, 3] = False
    mask[8, 8, 8] = True
    largest = masks.largest_component(mask)
    assert not largest[8, 8, 8]
    assert largest.sum() == 124
    assert masks.fill_holes(largest).sum() == 125
    assert masks.largest_component(np.zeros((2, 2, 2), bool)).sum() == 0
    assert Grid((9, 9, 9), np.eye(4)).shape == mask.shape
