from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import convolve, gaussian_filter

from transmodal.errors import InputError, UsageError
from transmodal.metrics.suite.fsim import fsim, fsim_colour, phase_congruency

Image = NDArray[np.float64]


def _scene(*shape: int) -> Image:
    i, j = np.indices(shape)
    discs = ((i - 20) ** 2 + (j - 25) ** 2 < 150) * 0.5 + ((i - 35) ** 2 + (j - 40) ** 2 < 60) * 0.3
    scene: Image = gaussian_filter(discs + 0.1, 0.7)
    return scene


@pytest.mark.parametrize("shape", [(64, 64), (49, 61)])
def test_phases_agree_at_edges_whatever_the_contrast(shape: tuple[int, int]) -> None:
    step = np.zeros(shape)
    step[:, 8:40] = 1
    congruency = phase_congruency(step)
    assert congruency.min() >= 0
    assert congruency.max() <= 1
    assert congruency[20, 7:9].min() > 0.75 > 0.4 > congruency[20, 14:18].max()
    scene = _scene(*shape)
    assert phase_congruency(1000 * scene + 77) == pytest.approx(phase_congruency(100 * scene), abs=1e-4)


def test_a_constant_image_has_no_phase() -> None:
    assert not phase_congruency(np.zeros((50, 50))).any()


def test_a_change_of_contrast_leaves_the_gradients_to_compare() -> None:
    # Phase congruency hardly changes, so FSIM is the weighted similarity of the gradients.
    x, gain = _scene(64, 60), 0.6
    kernel = np.array([[3, 10, 3], [0, 0, 0], [-3, -10, -3]]) / 16
    levels = 255 * x
    slope = np.hypot(*(convolve(levels, one, mode="constant") for one in (kernel, kernel.T)))
    similarity = (2 * gain * slope**2 + 160) / ((1 + gain**2) * slope**2 + 160)
    weight = phase_congruency(levels)
    expected = (similarity * weight).sum() / weight.sum()
    assert fsim(x, gain * x, data_range=1) == pytest.approx(expected, abs=1e-4)


def test_identity_noise_and_unit() -> None:
    x = _scene(64, 60)
    noise = np.random.default_rng(0).normal(size=x.shape)
    figures = [fsim(x, x + sigma * noise, data_range=1) for sigma in (0, 0.02, 0.1, 0.4)]
    assert figures[0] == pytest.approx(1)
    assert 1 > figures[1] > figures[2] > figures[3] > 0
    assert fsim(255 * x, 255 * (x + 0.1 * noise), data_range=255) == pytest.approx(figures[2])


def test_a_mask_hides_all_that_is_outside() -> None:
    x = _scene(64, 60)
    y = x + 0.1 * np.random.default_rng(0).normal(size=x.shape)
    mask = np.zeros(x.shape, bool)
    mask[10:50, 12:55] = True
    value = fsim(x, y, data_range=1, mask=mask)
    assert fsim(np.where(mask, x, 9), np.where(mask, y, -5), data_range=1, mask=mask) == value
    assert value != pytest.approx(fsim(x, y, data_range=1), abs=1e-4)


def test_large_images_are_halved_first() -> None:
    x = np.kron(_scene(200, 192), np.ones((2, 2)))
    y = x + 0.05 * np.random.default_rng(0).normal(size=x.shape)
    mask = np.zeros(x.shape, bool)
    mask[41, 61:91:2] = True  # odd places: between the samples that are kept
    assert 0 < fsim(x, y, data_range=1) < 1
    assert fsim(x, x, data_range=1, mask=mask) == pytest.approx(1)


def test_colour_of_greys_is_grey() -> None:
    x = _scene(64, 60)
    y = x + 0.05 * np.random.default_rng(0).normal(size=x.shape)
    one, other = (np.repeat(image[..., None], 3, axis=2) for image in (x, y))
    grey = fsim(x, y, data_range=1)
    assert fsim_colour(one, other, white=1) == pytest.approx(grey, abs=1e-9)
    assert fsim_colour(255 * one, 255 * other, white=255) == pytest.approx(grey, abs=1e-9)


def test_a_wrong_hue_costs_and_an_opposite_one_more() -> None:
    x = np.stack([_scene(64, 60), 0.5 * _scene(64, 60), np.full((64, 60), 0.1)], axis=2)
    swapped, mixed = x[..., [1, 2, 0]], x @ np.array([[0.9, 0.1, 0], [0.1, 0.8, 0.1], [0, 0.1, 0.9]])
    assert fsim_colour(x, x, white=1) == pytest.approx(1)
    assert 1 > fsim_colour(x, mixed, white=1) > fsim_colour(x, swapped, white=1) > 0


def test_what_has_no_answer_is_refused_by_name() -> None:
    x, flat = _scene(64, 60), np.full((64, 60), 0.3)
    refused: list[tuple[Any, str]] = [
        (lambda: fsim(flat, flat, data_range=1), "E124"),
        (lambda: fsim(x, x, data_range=1, mask=np.zeros(x.shape, bool)), "E124"),
        (lambda: fsim(x, x * np.nan, data_range=1), "E120"),
        (lambda: fsim(x, x[1:], data_range=1), "E130"),
        (lambda: fsim(x[..., None], x[..., None], data_range=1), "E121"),
        (lambda: fsim_colour(x, x, white=1), "E122"),
    ]
    for call, code in refused:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
    with pytest.raises(UsageError, match=r"47x60.*at least 48"):
        fsim(x[:47], x[:47], data_range=1)
    with pytest.raises(UsageError, match="data range"):
        fsim(x, x, data_range=-1)
