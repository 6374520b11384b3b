"""The classifier learns a Gaussian per label from measured contrasts, and finds the labels of other subjects."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.experiments.study.studies.consistency.classifier import (
    LearnItem,
    has_labels,
    learn_gaussians,
    read_gaussians,
    standardise,
    take_features,
)
from transmodal.metrics.regions.overlap import dice
from transmodal.volumes import Volume


def test_labels_of_another_subject_are_found(balls: Path) -> None:
    content = json.loads(json.dumps(learn_gaussians(LearnItem(balls, ("t1", "t2")))))
    gaussians = read_gaussians(content)
    assert gaussians.labels.tolist() == [1, 2, 3]
    assert gaussians.shares.sum() == pytest.approx(1)
    assert content["patients"] == 2
    case = Cohort.open(balls).cases("test")[0]
    mask, own = case.mask(), case.segmentation()
    assert mask is not None
    assert own is not None
    volumes = [standardise(case.volume(name), mask) for name in ("t1", "t2")]
    found = np.zeros(mask.shape, np.int64)
    found[mask] = gaussians.classify(take_features(volumes, mask))
    assert min(dice(own == label, found == label) for label in (1, 2, 3)) > 0.8


def test_a_contrast_that_is_left_out_is_as_if_it_had_never_been_learnt(balls: Path) -> None:
    both, alone = (
        read_gaussians(learn_gaussians(LearnItem(balls, names))) for names in (("t1", "t2"), ("t2",))
    )
    other = both.without(0)
    assert other.means == pytest.approx(alone.means)
    assert other.covariances == pytest.approx(alone.covariances)
    features = np.random.default_rng(1).normal(size=(50, 2))
    assert other.classify(features).tolist() == alone.classify(features).tolist()
    common = alone.labels[int(alone.shares.argmax())]
    assert set(alone.without(0).classify(features[:, :0]).tolist()) == {common}


def test_contrasts_are_standardised_inside_the_mask() -> None:
    mask = np.zeros((4, 4, 4), bool)
    mask[1:3] = True
    volume = Volume(np.arange(64, dtype=np.float32).reshape(4, 4, 4), np.eye(4))
    scaled = standardise(volume, mask).voxels
    assert (scaled[mask].mean(), scaled[mask].std()) == pytest.approx((0, 1), abs=1e-6)
    assert not scaled[~mask].any()
    again = standardise(volume.with_voxels(volume.voxels * 7 + 3), mask).voxels
    assert again == pytest.approx(scaled, abs=1e-5)
    assert not standardise(volume.with_voxels(np.full((4, 4, 4), 2.0, np.float32)), mask).voxels.any()


def test_values_around_a_voxel_do_not_fade_at_the_rim() -> None:
    mask = np.zeros((8, 8, 8), bool)
    mask[2:6, 2:6, 2:6] = True
    level = Volume(np.where(mask, 2.0, 0).astype(np.float32), np.eye(4))
    features = take_features([level, level], mask)
    assert features.shape == (64, 4)
    assert features == pytest.approx(np.full((64, 4), 2.0), abs=1e-5)


def test_cases_without_labels_teach_nothing(balls: Path) -> None:
    case = Cohort.open(balls).cases("test")[0]
    assert has_labels(case, ("t1", "t2"))
    assert not has_labels(case, ("t1", "pd"))
    with pytest.raises(InputError, match="no training case with t1, pd") as refused:
        learn_gaussians(LearnItem(balls, ("t1", "pd")))
    assert refused.value.code == "E131"
