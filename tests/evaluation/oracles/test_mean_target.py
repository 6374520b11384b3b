"""Oracles of mean anatomy: centred, and registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from blobs import blob
from transmodal.evaluation.oracles import fit as oracles
from transmodal.volumes import Volume

Make = Callable[..., Any]


AFFINE = np.eye(4)


def _moved(case: Any, by: tuple[float, float, float]) -> Any:  # noqa: ANN401  # a fake case
    affine = np.eye(4)
    affine[:3, 3] = by
    return type(case)(
        case.id, {name: Volume(v.voxels, affine) for name, v in case.volumes.items()}, case.inside, case.brain
    )


def _boxed(case: Any) -> Any:  # noqa: ANN401
    """Give the case a brain whose centroid lies on a voxel, so that centring moves by whole voxels."""
    brain = np.zeros((14, 17, 12), bool)
    brain[2:11, 3:14, 2:11] = True
    return type(case)(case.id, case.volumes, case.inside, brain)


def test_mean_target_is_centred_on_the_brain(
    make_case: Make, make_preprocessing: Make, translated: Make
) -> None:
    case = _boxed(make_case(1))
    copies = [_moved(case, by) for by in ((0, 0, 0), (40, -7, 3), (-11, 12, 90))]
    got = translated("mean_target", copies, _moved(case, (500, 0, 0)), make_preprocessing(spacing_mm=1.0))
    assert got == pytest.approx(np.where(case.brain, case.volumes["fa"].voxels, 0), abs=1e-4)


def test_mean_target_is_the_mean(make_case: Make, make_preprocessing: Make, translated: Make) -> None:
    first, second = _boxed(make_case(1)), _boxed(make_case(2))
    got = translated("mean_target", [first, second], first, make_preprocessing(spacing_mm=1.0))
    mean = (first.volumes["fa"].voxels + second.volumes["fa"].voxels) / 2
    assert got == pytest.approx(np.where(first.brain, mean, 0), abs=1e-5)


def test_mean_target_counts_only_cases_that_reach(
    make_case: Make, make_preprocessing: Make, translated: Make
) -> None:
    whole, low = _boxed(make_case(1)), _boxed(make_case(2))
    cut = type(low)(
        low.id,
        {n: Volume(v.voxels[..., :9], AFFINE) for n, v in low.volumes.items()},
        None,
        low.brain[..., :9],
    )
    got = translated("mean_target", [whole, cut], whole, make_preprocessing(spacing_mm=1.0))
    assert got[4, 8, 10] == pytest.approx(float(whole.volumes["fa"].voxels[4, 8, 10]), abs=1e-4)


def test_mean_target_does_not_see_the_test_case(make_case: Make, make_preprocessing: Make) -> None:
    oracle = oracles.fit("mean_target", [make_case(1), make_case(2)], make_preprocessing())
    other = make_case(3)
    blank = type(other)("blank", {"t1": other.volumes["t1"]}, None, other.brain)
    np.testing.assert_array_equal(oracle.translate(other).voxels, oracle.translate(blank).voxels)


def test_registered_mean_follows_the_source(
    make_case: Make, make_preprocessing: Make, translated: Make
) -> None:
    shape = (30, 34, 28)

    def subject(name: str, centre: tuple[float, float, float], width: float) -> Any:  # noqa: ANN401
        outer, inner = blob(shape, centre, width), blob(shape, (centre[0] + 3, *centre[1:]), width / 2.5)
        t1 = (250 * outer + 150 * inner).astype(np.float32)
        return type(make_case(0))(
            name,
            {"t1": Volume(t1, AFFINE), "fa": Volume(inner.astype(np.float32), AFFINE)},
            None,
            outer > 0.05,
        )

    training = [subject("a", (14, 17, 13), 5.0), subject("b", (15, 16, 14), 6.5)]
    test = subject("c", (15, 18, 13), 8.0)
    truth = test.volumes["fa"].voxels
    preprocessing = make_preprocessing(spacing_mm=1.0)
    registered = np.abs(translated("registered_mean", training, test, preprocessing) - truth)[
        test.brain
    ].mean()
    centred = np.abs(translated("mean_target", training, test, preprocessing) - truth)[test.brain].mean()
    assert registered < 0.6 * centred
