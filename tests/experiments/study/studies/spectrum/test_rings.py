"""A grating's power lies in the ring of its frequency; what two images share is coherent, what they do not is not."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.experiments.study.studies.spectrum.rings import (
    OCTAVES,
    RINGS,
    coherent_share,
    compare,
    decibels,
    frequency_edges,
    transform,
    window_of,
)

FULL = window_of(np.ones((64, 64), bool))


@pytest.mark.parametrize("cycles_per_mm", [0.08, 0.195])
def test_a_grating_lies_in_the_ring_of_its_frequency(cycles_per_mm: float) -> None:
    mm = np.arange(64) * 2.0
    grating = np.sin(2 * np.pi * cycles_per_mm * mm)[:, None] * np.ones(64)
    edges = frequency_edges(2.0)
    spectrum = compare([grating], [grating], [FULL], (2.0, 2.0), edges)
    ring = int(spectrum.power.argmax())
    assert edges[ring] <= cycles_per_mm <= edges[ring + 1]
    assert spectrum.power[ring] > 0.4 * spectrum.power.sum()


def test_spacing_may_differ_by_axis() -> None:
    grating = np.ones((64, 1)) * np.sin(2 * np.pi * 0.1 * np.arange(64) * 1.0)
    edges = frequency_edges(2.0)
    spectrum = compare([grating], [grating], [FULL], (2.0, 1.0), edges)
    assert edges[spectrum.power.argmax()] <= 0.1 <= edges[spectrum.power.argmax() + 1]


def test_independent_noise_is_not_coherent_and_a_scaled_copy_is() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 20, 64, 64))
    windows = [FULL] * 20
    edges = frequency_edges(1.0)
    noise = compare(list(first), list(second), windows, (1.0, 1.0), edges)
    copy = compare(list(3 * first), list(first), windows, (1.0, 1.0), edges)
    assert coherent_share(noise.cross, noise.power, noise.reference_power) < 0.01
    assert coherent_share(copy.cross, copy.power, copy.reference_power) == pytest.approx(1)
    assert copy.power == pytest.approx(9 * copy.reference_power)
    assert coherent_share(copy.turned_cross, copy.power, copy.reference_power) < 0.01


def test_half_noise_is_half_coherent() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.standard_normal((2, 20, 64, 64))
    pair = compare(list(first + second), list(first), [FULL] * 20, (1.0, 1.0), frequency_edges(1.0))
    assert coherent_share(pair.cross, pair.power, pair.reference_power) == pytest.approx(0.5, abs=0.05)


def test_values_outside_the_mask_do_not_count() -> None:
    rng = np.random.default_rng(3)
    plane, mask = rng.standard_normal((10, 12)), np.zeros((10, 12), bool)
    mask[2:8, 3:9] = True
    window = window_of(mask)
    assert (window[~mask] == 0).all()
    assert 0 < window[2, 5] < window[4, 5]
    assert np.allclose(transform(plane, window), transform(np.where(mask, plane + 7, 1e3), window))
    assert transform(plane, window).shape == (64, 64)


def test_an_even_plane_has_no_power_and_no_coherence() -> None:
    even = compare([np.ones((64, 64))], [np.ones((64, 64))], [FULL], (1.0, 1.0), frequency_edges(1.0))
    assert even.power.sum() == 0
    assert coherent_share(even.cross, even.power, even.reference_power) == 0


def test_octaves_are_octaves() -> None:
    assert OCTAVES[-1][1] == RINGS
    assert all(stop == 2 * start for start, stop in OCTAVES)


def test_decibels_have_ends() -> None:
    assert decibels(1, 2) == pytest.approx(-3.0103, abs=1e-4)
    assert [decibels(0, 0), decibels(0, 1), decibels(1, 0)] == [0, -120, 120]
