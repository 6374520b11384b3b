from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from transmodal.metrics import gaussian
from transmodal.metrics.gaussian import filter_moments, window


def test_the_window_is_odd_and_fits() -> None:
    assert window((40, 11, 10, 9, 2, 1)) == (11, 11, 9, 9, 1, 1)
    weights = gaussian.gaussian(5)
    assert weights.sum() == pytest.approx(1)
    assert weights[3] / weights[2] == pytest.approx(np.exp(-0.5 / 1.5**2))


@pytest.mark.parametrize("whole", [0, 1 << 18], ids=["in blocks", "at once"])
@pytest.mark.parametrize("axes", [(0,), (0, 1), (1, 2), (0, 2), (0, 1, 2), ()])
def test_moments_are_those_of_a_plain_correlation(
    axes: tuple[int, ...], whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaussian, "_WHOLE", whole)
    monkeypatch.setattr(gaussian, "_BLOCK", 500)
    x, y, other = np.random.default_rng(0).random((3, 43, 14, 19))
    kernels = {axis: gaussian.gaussian(11 - 2 * axis) for axis in axes}
    expected = np.stack([x + y, x - y, (x + y) ** 2, (x - y) ** 2, other], axis=1)
    for axis, kernel in kernels.items():
        radius, place = len(kernel) // 2, axis + (axis > 0)
        inside = (slice(None),) * place + (slice(radius, expected.shape[place] - radius),)
        expected = correlate1d(expected, kernel, axis=place)[inside]
    starts = []
    for start, block in filter_moments([x, y, other], kernels):
        np.testing.assert_allclose(block, expected[start : start + len(block)], atol=1e-13)
        starts.append(start)
    assert starts[0] == 0
    assert (len(starts) == 1) == (whole > 0 and 0 in axes)


def test_integers_do_not_wrap_around() -> None:
    x, y = np.full((12, 12), 200, np.uint8), np.full((12, 12), 201, np.uint8)
    _, moments = next(filter_moments([x, y], {0: gaussian.gaussian(11)}))
    assert moments[0, :, 0] == pytest.approx([401, -1, 401**2, 1])


def test_memory_is_a_threads_own() -> None:
    """An image that another thread filters meanwhile must not change this one's block."""
    x, y = np.random.default_rng(0).random((2, 30, 30))
    kernels = {0: gaussian.gaussian(11), 1: gaussian.gaussian(11)}
    _, moments = next(filter_moments([x, y], kernels))
    before = moments.copy()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: list(filter_moments([9 * x, y], kernels))).result()
    np.testing.assert_array_equal(moments, before)
