"""Similarity of two images, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the field's name for it)

from transmodal.volumes import Volume
from transmodal.volumes.geometry.similarity import similarity, similarity_before_and_after
from transmodal.volumes.geometry.working_pair import WorkingPair

DRAW = np.random.default_rng(0).normal(size=(9, 10, 11))


def test_correlation_is_pearsons_r() -> None:
    noisy = DRAW + np.random.default_rng(1).normal(size=DRAW.shape)
    by_hand = float(np.mean((DRAW - DRAW.mean()) * (noisy - noisy.mean())) / (DRAW.std() * noisy.std()))
    assert similarity(DRAW, noisy, "correlation") == pytest.approx(by_hand)
    assert similarity(DRAW, -2 * DRAW + 5, "correlation") == pytest.approx(-1)


def test_information_of_equal_classes_is_their_entropy() -> None:
    halves = np.repeat([0.0, 1.0], 50)
    assert similarity(halves, 1 - halves, "mutual_information") == pytest.approx(np.log(2))
    assert similarity(halves, np.tile([0.0, 1.0], 50), "mutual_information") == pytest.approx(0)


@pytest.mark.parametrize("metric", ["correlation", "mutual_information"])
def test_a_constant_is_similar_to_nothing(metric: str) -> None:
    assert similarity(np.ones(8), np.arange(8.0), metric) == 0  # type: ignore[arg-type]


def test_a_transform_that_undoes_a_shift_makes_the_pair_similar() -> None:
    fixed = Volume(DRAW.astype(np.float32), np.eye(4))
    affine = np.eye(4)
    affine[0, 3] = 3.0  # the same voxels, three millimetres to the right
    pair = WorkingPair.of(fixed, Volume(fixed.voxels, affine), None, "correlation")
    right = sitk.TranslationTransform(3, [-3.0, 0.0, 0.0])  # right is negative in LPS+
    before, after = similarity_before_and_after(pair, right)
    assert after == pytest.approx(1)
    assert before < 0.5
