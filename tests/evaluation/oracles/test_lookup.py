"""The oracle that looks intensities up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from transmodal.volumes import Volume

Make = Callable[..., Any]


AFFINE = np.eye(4)


def test_lookup_learns_a_curve(make_case: Make, make_preprocessing: Make, translated: Make) -> None:
    def with_curve(seed: int) -> Any:  # noqa: ANN401
        case = make_case(seed)
        t1 = case.volumes["t1"].voxels
        return make_case(seed, fa=Volume((0.5 + 0.5 * np.sin(t1 / 100)).astype(np.float32), AFFINE))

    test = with_curve(9)
    got = translated("lookup", [with_curve(n) for n in range(4)], test, make_preprocessing())
    inside = test.brain
    assert got[inside] == pytest.approx(test.volumes["fa"].voxels[inside], abs=400 / 256 / 100 + 1e-3)


def test_lookup_gives_unseen_intensities_their_nearest_neighbour(
    make_case: Make, make_preprocessing: Make, translated: Make
) -> None:
    two = np.where(np.arange(12) % 2, 100.0, 300.0) * np.ones((14, 17, 12))
    case = make_case(
        0, t1=Volume(two.astype(np.float32), AFFINE), fa=Volume((two / 1000).astype(np.float32), AFFINE)
    )
    shifted = make_case(0, t1=Volume((two + 40).astype(np.float32), AFFINE))
    got = translated("lookup", [case], shifted, make_preprocessing(region="whole"))
    assert got == pytest.approx(two / 1000, abs=1e-6)


def test_lookup_of_two_sources_is_joint(make_case: Make, make_preprocessing: Make, translated: Make) -> None:
    def crossed(seed: int) -> Any:  # noqa: ANN401
        rng = np.random.default_rng(seed)
        a, b = (rng.choice([50.0, 350.0], (14, 17, 12)).astype(np.float32) for _ in range(2))
        return make_case(
            seed, t1=Volume(a, AFFINE), t2=Volume(b, AFFINE), fa=Volume((a != b).astype(np.float32), AFFINE)
        )

    test = crossed(5)
    got = translated("lookup", [crossed(1)], test, make_preprocessing(("t1", "t2"), region="whole"))
    np.testing.assert_array_equal(got, test.volumes["fa"].voxels)
