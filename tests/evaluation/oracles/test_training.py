"""Training cases of an oracle: arrays with channels, and how far reading is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from transmodal.evaluation.oracles.training import OracleCases, channels, volume_of, with_channels
from transmodal.inference.preprocessing import preprocess_case
from transmodal.volumes import Volume

Make = Callable[..., Any]


def test_cases_are_read_one_by_one_and_counted(make_case: Make, make_preprocessing: Make) -> None:
    seen: list[tuple[str, int, int]] = []
    cases, preprocessing = [make_case(0), make_case(1)], make_preprocessing()
    training = OracleCases("lookup", cases, preprocessing, lambda *progress: seen.append(progress))
    for n, (source, inside, target) in enumerate(training.working()):
        assert len(seen) == n  # a case counts once its work is complete
        assert source.shape == target.shape == (14, 17, 12, 1)
        assert target.dtype == np.float64
        np.testing.assert_array_equal(inside, cases[n].brain)
        np.testing.assert_array_equal(target[..., 0], cases[n].volumes["fa"].voxels)
    assert seen == [("lookup", 1, 2), ("lookup", 2, 2)]


def test_sources_stand_side_by_side(make_case: Make, make_preprocessing: Make) -> None:
    case = make_case(0)
    photo = Volume(np.full((14, 17, 12, 3), 255, np.uint8), np.eye(4))
    both = make_case(0, t1=case.volumes["t1"], photo=photo)
    stacked = channels(preprocess_case(make_preprocessing(("t1", "photo"), region="whole"), both))
    assert stacked.shape == (14, 17, 12, 4)
    alone = channels(preprocess_case(make_preprocessing(("t1",), region="whole"), both))
    np.testing.assert_array_equal(stacked[..., :1], alone)


@pytest.mark.parametrize(("n_channels", "shape"), [(1, (14, 17, 12)), (3, (14, 17, 12, 3))])
def test_values_become_a_volume_on_the_working_grid(
    n_channels: int, shape: tuple[int, ...], make_case: Make, make_preprocessing: Make
) -> None:
    preprocessed = preprocess_case(make_preprocessing(), make_case(0))
    volume = volume_of(np.ones((14, 17, 12, n_channels)), preprocessed)
    assert volume.voxels.shape == shape
    assert volume.grid.same_as(preprocessed.grid)
    assert with_channels(volume.voxels).shape == (14, 17, 12, n_channels)
