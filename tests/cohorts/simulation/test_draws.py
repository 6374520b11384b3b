"""Smooth noise and streams of random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.simulation import draws


def test_spline_reproduces_a_plane() -> None:
    i, j, k = np.ix_(*(np.arange(n, dtype=np.float32) for n in (7, 8, 9)))
    plane = 2 * i - 3 * j + 0.5 * k + 1
    at = [np.array([1.0, 2.3, 4.9]), np.array([1.5, 5.2]), np.array([3.3, 6.0, 2.1, 6.9])]
    a, b, c = np.ix_(*at)
    np.testing.assert_allclose(draws.expand(plane, at), 2 * a - 3 * b + 0.5 * c + 1, atol=1e-4)


def test_noise_has_mean_0_and_variance_1_and_is_smooth() -> None:
    axes = [np.arange(0, 400, 4.0)] * 3
    field = draws.noise(np.random.default_rng(1), axes, 16.0)
    assert abs(float(field.mean())) < 0.05
    assert float(field.std()) == pytest.approx(1, abs=0.05)
    assert float(np.abs(np.diff(field, axis=0)).mean()) < 0.4


def test_streams_of_other_purposes_are_other_streams() -> None:
    first = draws.stream(1, 2, "warp").random(4)
    np.testing.assert_array_equal(first, draws.stream(1, 2, "warp").random(4))
    for other in (draws.stream(1, 2, "affine"), draws.stream(1, 3, "warp"), draws.stream(2, 2, "warp")):
        assert not np.array_equal(first, other.random(4))
