from __future__ import annotations

import math

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.metrics.regions.tissue import TissueInterval, by_decile, by_label, by_tissue
from transmodal.metrics.suite.voxels import mae

CT = np.array([[-1000.0, -200, 0], [249, 250, 1000]])
SYNTHETIC = CT + np.array([[10.0, -20, 40], [0, 100, -300]])


def test_tissues_by_hand() -> None:
    air, soft, bone = by_tissue(CT, SYNTHETIC)
    assert (air.name, air.n, air.mae, air.bias, air.spread) == ("air", 1, 10, 10, 0)
    assert (soft.name, soft.n, soft.mae) == ("soft tissue", 3, 20)
    assert soft.bias == pytest.approx(20 / 3)
    assert (bone.n, bone.mae, bone.bias, bone.spread) == (2, 200, -100, 200)
    assert (bone.reference_mean, bone.synthetic_mean) == (625, 525)


def test_the_reference_says_which_tissue_it_is() -> None:
    assert by_tissue(CT, CT[::-1])[0].n == 1
    assert by_tissue(CT, np.full(CT.shape, -1000.0))[2].n == 2


def test_a_mask_and_bounds_of_ones_own() -> None:
    mask = CT > -500
    assert [one.n for one in by_tissue(CT, SYNTHETIC, mask=mask)] == [0, 3, 2]
    tissues = [TissueInterval("fat and water", -100, 100)]
    assert [one.mae for one in by_tissue(CT, SYNTHETIC, tissues=tissues)] == [40]


def test_a_region_without_voxels_is_a_row_without_figures() -> None:
    (empty,) = by_tissue(CT, SYNTHETIC, tissues=[TissueInterval("metal", 3000, 9000)])
    assert empty.n == 0
    assert all(math.isnan(figure) for figure in empty[2:])


def test_labels_have_their_own_figures() -> None:
    labels = np.array([[0, 3, 3], [7, 7, 0]])
    three, seven = by_label(CT, SYNTHETIC, labels)
    assert (three.name, three.n, three.mae) == ("3", 2, 30)
    assert (seven.name, seven.n, seven.mae, seven.bias) == ("7", 2, 50, 50)
    assert [one.n for one in by_label(CT, SYNTHETIC, labels, mask=labels == 3)] == [2, 0]


def test_deciles_are_of_equal_size_and_split_the_mean() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 10, 20, 5))
    parts = by_decile(x, y)
    assert [one.n for one in parts] == [100] * 10
    assert [one.reference_mean for one in parts] == sorted(one.reference_mean for one in parts)
    assert np.mean([one.mae for one in parts]) == pytest.approx(mae(x, y))
    assert [one.n for one in by_decile(x, y, mask=x > 0.5, parts=4)] == pytest.approx(
        [(x > 0.5).sum() / 4] * 4, abs=1
    )


def test_ties_stay_together() -> None:
    x = np.repeat([0.0, 1.0], [90, 10])
    parts = by_decile(x, x)
    assert (parts[0].n, parts[9].n, sum(one.n for one in parts)) == (90, 10, 100)


def test_what_has_no_answer_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="one value only"):
        by_decile(np.ones(5), np.ones(5))
    with pytest.raises(InputError, match="no voxels"):
        by_label(CT, CT, np.zeros(CT.shape, int))
    with pytest.raises(InputError, match="no voxels"):
        by_tissue(CT, CT, mask=np.zeros(CT.shape, bool))
    with pytest.raises(InputError, match="not finite"):
        by_tissue(CT, CT * np.nan)
    with pytest.raises(InputError, match="one shape"):
        by_decile(CT, CT[:1])
