from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import linalg

from transmodal.errors import InputError
from transmodal.metrics import feature_sets
from transmodal.metrics.feature_sets import frechet_distance, kernel_distance

Features = NDArray[np.float64]


def drawn(n: int, d: int, seed: int, shift: float = 0.0) -> Features:
    rng = np.random.default_rng(seed)
    made: Features = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + shift
    return made


def test_one_feature_by_hand() -> None:
    x, y = np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [5.0], [9.0]])  # means 2, 5; variances 4, 16
    assert frechet_distance(x, y) == pytest.approx(3**2 + (2 - 4) ** 2)


def test_frechet_is_the_matrix_root_of_the_product() -> None:
    x, y = drawn(60, 7, 0), drawn(90, 7, 1, shift=0.5)
    one, other = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(one @ other)
    away = x.mean(axis=0) - y.mean(axis=0)
    by_definition = away @ away + np.trace(one + other - 2 * root.real)
    assert frechet_distance(x, y) == pytest.approx(by_definition, rel=1e-9)


def test_kernel_is_the_mean_over_pairs() -> None:
    x, y = drawn(6, 3, 2), drawn(5, 3, 3)

    def kernel(a: Features, b: Features) -> float:
        return float((a @ b / 3 + 1) ** 3)

    same = [np.mean([kernel(a, b) for a, b in itertools.permutations(one, 2)]) for one in (x, y)]
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert kernel_distance(x, y) == pytest.approx(same[0] + same[1] - 2 * across, rel=1e-9)


def test_blocks_do_not_change_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = drawn(20, 4, 4), drawn(17, 4, 5)
    whole = kernel_distance(x, y)
    monkeypatch.setattr(feature_sets, "_BLOCK", 3)
    assert kernel_distance(x, y) == pytest.approx(whole, rel=1e-9)


def test_like_sets_are_near_and_more_noise_is_further() -> None:
    x, rng = drawn(400, 6, 6), np.random.default_rng(7)
    noise = rng.normal(size=x.shape)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    for distance in (frechet_distance, kernel_distance):
        found = [distance(x, x + size * noise) for size in (0.0, 1.0, 2.0, 4.0)]
        assert found == sorted(found)
        assert found[3] > 1
    assert frechet_distance(x, x + 2) == pytest.approx(4 * 6)


def test_the_kernel_distance_of_like_sets_is_unbiased() -> None:
    rng = np.random.default_rng(8)
    found = [kernel_distance(rng.normal(size=(8, 4)), rng.normal(size=(8, 4))) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 20
    assert min(found) < 0


@pytest.mark.parametrize(
    ("x", "y", "code"),
    [
        (np.ones((7, 6)), np.ones((6, 6)), "E132"),
        (np.ones((9, 3)), np.ones((9, 4)), "E130"),
        (np.ones((9, 3, 1)), np.ones((9, 3, 1)), "E130"),
        (np.full((9, 3), np.nan), np.ones((9, 3)), "E120"),
    ],
)
def test_refusals(x: Features, y: Features, code: str) -> None:
    with pytest.raises(InputError) as refused:
        frechet_distance(x, y)
    assert refused.value.code == code


def test_one_image_is_too_few_for_the_kernel() -> None:
    with pytest.raises(InputError) as refused:
        kernel_distance(np.ones((1, 3)), np.ones((4, 3)))
    assert refused.value.code == "E132"
