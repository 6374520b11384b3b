from __future__ import annotations

import math

import numpy as np

from transmodal.evaluation.regions.figures import by_label, without_voxels


def test_figures_are_those_of_numpy() -> None:
    draw = np.random.default_rng(0)
    values, labels = draw.standard_normal((5, 6, 7)).astype(np.float32), draw.integers(0, 4, (5, 6, 7)) * 3
    regions = by_label(values, labels)
    assert [region.label for region in regions] == [3, 6, 9]
    for region in regions:
        own = values[labels == region.label].astype(float)
        assert region.n == own.size
        expected = (own.mean(), np.median(own), own.std(ddof=1))
        assert np.allclose((region.mean, region.median, region.sd), expected)


def test_regions_of_no_and_of_one_voxel() -> None:
    labels = np.zeros((2, 2, 2), np.uint8)
    assert by_label(np.ones((2, 2, 2)), labels) == ()
    labels[0, 0, 0] = 5
    (region,) = by_label(np.full((2, 2, 2), 7.0), labels)
    assert region[:4] == (5, 1, 7.0, 7.0)
    assert math.isnan(region.sd)
    assert without_voxels(5).n == 0
    assert math.isnan(without_voxels(5).mean)
