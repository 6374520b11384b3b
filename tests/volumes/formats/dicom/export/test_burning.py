"""The word SYNTHETIC in pixels: readable, upright, and in every slice."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import UsageError
from transmodal.volumes import Volume
from transmodal.volumes.formats.dicom.export.burning import burn_in


@pytest.mark.parametrize(("columns", "times"), [(80, 1), (320, 2)])
def test_the_word_stands_in_every_slice_and_nowhere_else(columns: int, times: int) -> None:
    voxels = np.random.default_rng(1).integers(-1000, 1000, (columns, 60, 3)).astype(np.int16)
    marked = burn_in(Volume(voxels, np.eye(4))).voxels
    assert marked.dtype == np.int16
    change = (marked != voxels).any(axis=2)
    width, height = np.flatnonzero(change.any(axis=1)).max() - 1, np.flatnonzero(change.any(axis=0)).max() - 1
    assert 45 * times < width <= 60 * times
    assert 5 * times < height <= 14 * times
    assert set(np.unique(marked[2 : 2 + width, 2 : 2 + height])) == {voxels.min(), voxels.max()}
    for k in range(3):
        np.testing.assert_array_equal(
            marked[2 : 2 + width, 2 : 2 + height, k], marked[2 : 2 + width, 2 : 2 + height, 0]
        )
    # The bar of the T, the fifth of nine letters, lies above its stem: the word is upright.
    word = marked[2 : 2 + width : times, 2 : 2 + height : times, 0] == voxels.max()
    rows = np.flatnonzero(word.any(axis=0))
    letter = word[4 * word.shape[0] // 9 : 5 * word.shape[0] // 9]
    assert letter[:, rows[0]].sum() > letter[:, rows[-2]].sum() > 0


def test_slices_that_are_too_small_are_refused() -> None:
    with pytest.raises(UsageError, match="20 x 60 voxels") as refused:
        burn_in(Volume(np.zeros((20, 60, 2), np.int16), np.eye(4)))
    assert refused.value.code == "E004"
