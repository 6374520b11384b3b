"""The oracle that regresses on a neighbourhood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from transmodal.volumes import Volume

Make = Callable[..., Any]


AFFINE = np.eye(4)


def test_linear_patch_learns_its_neighbourhood(
    make_case: Make, make_preprocessing: Make, translated: Make
) -> None:
    kernel = np.zeros((3, 3, 3))
    kernel[2, 1, 1], kernel[1, 0, 2] = 0.0015, -0.0005

    def filtered(seed: int) -> Any:  # noqa: ANN401
        t1 = (np.random.default_rng(seed).random((14, 17, 12)) * 400).astype(np.float32)
        fa = 0.3 + ndimage.correlate(t1.astype(np.float64), kernel, mode="nearest")
        return make_case(seed, t1=Volume(t1, AFFINE), fa=Volume(fa.astype(np.float32), AFFINE))

    test = filtered(7)
    got = translated("linear_patch", [filtered(1), filtered(2)], test, make_preprocessing(region="whole"))
    assert got == pytest.approx(test.volumes["fa"].voxels, abs=1e-4)


def test_linear_patch_of_two_sources_is_joint(
    make_case: Make, make_preprocessing: Make, translated: Make
) -> None:
    def summed(seed: int) -> Any:  # noqa: ANN401
        rng = np.random.default_rng(seed)
        a, b = ((rng.random((14, 17, 12)) * 400).astype(np.float32) for _ in range(2))
        fa = 0.2 + 0.001 * a - 0.0005 * np.roll(b, 0, axis=0)
        return make_case(seed, t1=Volume(a, AFFINE), t2=Volume(b, AFFINE), fa=Volume(fa, AFFINE))

    test = summed(7)
    got = translated("linear_patch", [summed(1)], test, make_preprocessing(("t1", "t2"), region="whole"))
    assert got == pytest.approx(test.volumes["fa"].voxels, abs=1e-4)
