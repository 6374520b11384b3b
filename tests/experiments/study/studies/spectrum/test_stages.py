"""Spectra of maps: a wave lies in its ring, noise fills all of them, channels count alike."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.experiments.study.studies.spectrum.stages import FEWEST_SIDE, STAGE_RINGS, spectrum_of


@pytest.mark.parametrize("cycles", [0.045, 0.11, 0.2])
def test_a_wave_lies_in_its_ring_in_cycles_per_pixel_of_the_image(cycles: float) -> None:
    """A map of half the sides shows half of the image's frequencies."""
    wave = np.sin(2 * np.pi * cycles * 2 * np.arange(64))[None, :, None] * np.ones((1, 64, 48))
    spectrum = spectrum_of(wave, (128, 96))
    assert spectrum is not None
    assert spectrum.highest == pytest.approx(0.25)
    edges = np.linspace(0, 0.25, STAGE_RINGS + 1)
    ring = int(spectrum.shares.argmax())
    assert edges[ring] <= cycles <= edges[ring + 1]
    assert spectrum.shares[ring] > 0.7
    assert spectrum.shares.sum() == pytest.approx(1)


def test_noise_has_as_much_power_at_every_frequency() -> None:
    noise = np.random.default_rng(1).standard_normal((40, 64, 64))
    spectrum = spectrum_of(noise, (64, 64))
    assert spectrum is not None
    densities = spectrum.shares / spectrum.counts
    assert densities == pytest.approx(densities.mean(), rel=0.1)
    assert spectrum.shares[STAGE_RINGS // 2 :].sum() == pytest.approx(0.75, abs=0.02)


def test_channels_count_alike_and_even_ones_do_not() -> None:
    slow, fast = (np.cos(2 * np.pi * f * np.arange(64))[:, None] * np.ones((64, 64)) for f in (0.03, 0.47))
    even = np.full((64, 64), 7.0)
    spectrum = spectrum_of(np.stack([100 * slow + 5, fast, even]), (64, 64))
    assert spectrum is not None
    assert spectrum.shares[[0, -1]] == pytest.approx([0.5, 0.5], abs=0.02)
    assert spectrum_of(even[None], (64, 64)) is None


def test_a_map_with_too_few_pixels_has_no_spectrum() -> None:
    noise = np.random.default_rng(1).standard_normal((2, FEWEST_SIDE, FEWEST_SIDE))
    assert spectrum_of(noise, (64, 64)) is not None
    assert spectrum_of(noise[:, 1:], (64, 64)) is None
