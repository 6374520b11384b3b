"""Ends of an interval: within the target's range, nothing outside the region, and what the sidecar says read again."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.inference.intervals.interval import VoxelInterval, error_scores, of_record, scale
from transmodal.inference.translation import Translation
from transmodal.volumes import Volume
from transmodal.volumes.bounds import Bounds

ABOUT = {"level": 0.9, "promise": "nine of ten"}


def translation() -> Translation:
    volume = Volume(np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 4), np.eye(4))
    region = volume.with_voxels((volume.voxels > 0.2).astype(np.uint8))
    disagreement = volume.with_voxels(volume.voxels / 10)
    return Translation(volume, disagreement, {"target": "fa"}, region)


def test_ends_are_clipped_and_meet_outside_the_region() -> None:
    made = VoxelInterval("absolute", 0.3, 0.0, ABOUT).apply(translation(), Bounds(0.0, 1.0))
    assert made.interval is not None
    lower, upper = (end.voxels for end in made.interval)
    values, inside = made.volume.voxels, made.volume.voxels > 0.2
    np.testing.assert_array_equal(lower[~inside], values[~inside])
    np.testing.assert_array_equal(upper[~inside], values[~inside])
    np.testing.assert_allclose(upper[inside], np.minimum(values[inside] + 0.3, 1), atol=1e-6)
    np.testing.assert_allclose(lower[inside], np.maximum(values[inside] - 0.3, 0), atol=1e-6)
    assert lower.dtype == upper.dtype == np.float32
    assert made.record["interval"]["factor"] == 0.3


def test_a_normalised_interval_is_wider_where_passes_disagree() -> None:
    made = VoxelInterval("normalised", 2.0, 0.01, ABOUT).apply(translation(), Bounds())
    assert made.interval is not None
    lower, upper = (end.voxels for end in made.interval)
    inside = made.volume.voxels > 0.2
    half = 2 * (made.volume.voxels / 10 + 0.01)
    np.testing.assert_allclose((upper - lower)[inside] / 2, half[inside], atol=1e-6)


def test_scores_are_of_the_region_and_infinite_beyond_the_range() -> None:
    made = translation()
    target = made.volume.with_voxels(made.volume.voxels + np.float32(0.1))
    scores = error_scores(made, target, "absolute", 0.0, Bounds(0.0, 1.0))
    inside = made.volume.voxels > 0.2
    beyond = target.voxels[inside] > 1
    assert scores.shape == (inside.sum(),)
    assert beyond.any()
    assert np.isinf(scores[beyond]).all()
    np.testing.assert_allclose(scores[~beyond], 0.1, atol=1e-6)
    normalised = error_scores(made, target, "normalised", 0.02, Bounds())
    np.testing.assert_allclose(normalised * scale(made, "normalised", 0.02)[inside], 0.1, atol=1e-6)


def test_the_score_is_the_least_factor_whose_interval_holds_the_target() -> None:
    """What is calibrated is what is written: a factor at a voxel's score covers it, one below does not."""
    made = translation()
    target = made.volume.with_voxels(np.float32(0.5) * np.ones_like(made.volume.voxels))
    inside = made.volume.voxels > 0.2
    scores = error_scores(made, target, "normalised", 0.01, Bounds(0.0, 1.0))
    middle = float(np.median(scores))
    applied = VoxelInterval("normalised", middle, 0.01, ABOUT).apply(made, Bounds(0.0, 1.0))
    assert applied.interval is not None
    lower, upper = (end.voxels[inside] for end in applied.interval)
    is_covered = (lower <= 0.5 + 1e-6) & (upper >= 0.5 - 1e-6)
    np.testing.assert_array_equal(is_covered, scores <= middle + 1e-5)


def test_a_record_gives_the_same_interval_again() -> None:
    interval = VoxelInterval("normalised", 1.5, 0.01, ABOUT)
    assert of_record({"interval": interval.to_json()}) == interval
    assert of_record({}) is None
    with pytest.raises(InputError) as caught:
        of_record({"interval": {"score": "guess", "factor": 1.0, "floor": 0.0}})
    assert caught.value.code == "E102"
