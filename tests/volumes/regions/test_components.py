"""The largest part of a mask, and its holes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

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


@pytest.mark.parametrize("shape", [(30,), (14, 17), (9, 12, 11), (1, 5, 6)])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_the_box_changes_nothing(shape: tuple[int, ...], share: float) -> None:
    rng = np.random.default_rng(len(shape))
    for _ in range(10):
        mask = rng.random(shape) < share
        mask[(slice(0, 3),) * len(shape)] &= rng.random() < 0.5
        np.testing.assert_array_equal(masks.fill_holes(mask), ndimage.binary_fill_holes(mask))
        labels, n = ndimage.label(mask)
        largest = labels == 1 + np.argmax([(labels == part).sum() for part in range(1, n + 1)]) if n else mask
        np.testing.assert_array_equal(masks.largest_component(mask), largest)
