from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics.suite.stsim import pyramid, stsim1, stsim2

Image = NDArray[np.float64]
Metric = Callable[..., float]


def _texture(*shape: int, seed: int = 0) -> Image:
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    texture: Image = 0.5 + 0.2 * np.sin(0.7 * x + 0.2 * y) + 0.05 * rng.normal(size=shape)
    return texture


@pytest.mark.parametrize("shape", [(64, 48), (33, 47), (40, 101)])
def test_the_pyramid_keeps_the_energy(shape: tuple[int, int]) -> None:
    image = _texture(*shape)
    parts = pyramid(image)
    energy = sum((band**2).mean() for bands in parts.bands for band in bands)
    energy += (parts.high**2).mean() + (parts.low**2).mean()
    # Odd sizes do not halve: the last octave then loses what lies between the two Nyquist frequencies.
    exact = all(n % 8 == 0 for n in shape)
    assert energy == pytest.approx((image**2).mean(), rel=1e-9 if exact else 1e-3)
    assert parts.low.shape == tuple(-(-n // 8) for n in shape)
    assert [bands[3].shape[0] for bands in parts.bands] == [shape[0], -(-shape[0] // 2), -(-shape[0] // 4)]


def test_a_grating_goes_into_its_band() -> None:
    y, x = np.indices((64, 64))
    for k, image in ((0, np.cos(2 * np.pi * 9 * x / 64)), (2, np.cos(2 * np.pi * 9 * y / 64))):
        energies = [[float((band**2).sum()) for band in bands] for bands in pyramid(image).bands]
        assert int(np.argmax(energies[1])) == k
        assert energies[1][k] * 4 > 2 * max(max(energies[0]), 16 * max(energies[2]))


@pytest.mark.parametrize("metric", [stsim1, stsim2])
@pytest.mark.parametrize("shape", [(32, 32), (37, 50)])
def test_identity_a_move_and_noise(metric: Metric, shape: tuple[int, int]) -> None:
    x = _texture(*shape)
    rng = np.random.default_rng(1)
    assert metric(x, x.copy(), data_range=1) == pytest.approx(1, abs=1e-12)
    moved = metric(x, np.roll(x, (3, 5), (0, 1)), data_range=1)
    noisy = [metric(x, x + sigma * rng.normal(size=shape), data_range=1) for sigma in (0.05, 0.2, 0.8)]
    assert moved > 0.95
    assert 1 > noisy[0] > noisy[1] > noisy[2] > 0


@pytest.mark.parametrize("metric", [stsim1, stsim2])
def test_a_mask_hides_all_that_is_outside(metric: Metric) -> None:
    x, y = _texture(40, 44), _texture(40, 44, seed=5)
    mask = np.zeros(x.shape, bool)
    mask[9:31, 11:30] = True
    value = metric(x, y, data_range=1, mask=mask)
    moved = np.where(mask, x, 7.0), np.where(mask, y, -3.0)
    assert metric(*moved, data_range=1, mask=mask) == value
    assert value != pytest.approx(metric(x, y, data_range=1), abs=1e-4)


def test_a_mask_of_one_pixel_has_an_answer() -> None:
    x = _texture(32, 35)
    mask = np.zeros(x.shape, bool)
    mask[17, 3] = True
    assert stsim2(x, x, data_range=1, mask=mask) == pytest.approx(1)


def test_constant_images_have_an_answer() -> None:
    x = np.full((32, 32), 0.3)
    assert stsim1(x, x, data_range=1) == pytest.approx(1)
    expected = (13 + ((2 * 0.3 * 0.6) / (0.3**2 + 0.6**2)) ** 0.25) / 14
    assert stsim1(x, 2 * x, data_range=1) == pytest.approx(expected, abs=1e-6)


def test_negative_means_count_as_nothing() -> None:
    x = np.full((32, 32), 0.3)
    assert stsim1(x, -x, data_range=1) == pytest.approx(13 / 14)


@pytest.mark.parametrize("metric", [stsim1, stsim2])
def test_what_has_no_answer_is_refused_by_name(metric: Metric) -> None:
    x = _texture(32, 40)
    with pytest.raises(UsageError, match=r"31x40.*at least 32"):
        metric(x[1:], x[1:], data_range=1)
    with pytest.raises(UsageError, match="data range"):
        metric(x, x, data_range=0)
    with pytest.raises(InputError, match="slice by slice"):
        metric(x[..., None], x[..., None], data_range=1)
    with pytest.raises(InputError, match="no voxels"):
        metric(x, x, data_range=1, mask=np.zeros(x.shape, bool))
    with pytest.raises(InputError, match="not finite"):
        metric(x, x * np.nan, data_range=1)
    with pytest.raises(InputError, match="one shape"):
        metric(x, x[:, 1:], data_range=1)
