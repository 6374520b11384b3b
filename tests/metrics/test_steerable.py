"""The steerable pyramid: its complex sub-bands belong to its real ones, and move in phase with the image."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.metrics.steerable import ORIENTATIONS, SCALES, complex_bands, pyramid


@pytest.mark.parametrize("shape", [(40, 48), (37, 51)])
def test_the_real_parts_are_the_real_sub_bands(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).normal(size=shape)
    real, complex_ = pyramid(image).bands, complex_bands(image)
    for scale in range(SCALES):
        for k in range(ORIENTATIONS):
            # At Nyquist of an even side a frequency is its own mirror image, and has no half.
            side = np.abs(complex_[scale][k].real - real[scale][k]).max() / np.abs(real[scale][k]).max()
            assert side < (0.05 if shape[0] % 2 == 0 else 1e-9)


def test_a_moved_wave_keeps_its_magnitude_and_turns_its_phase() -> None:
    wave, moved = (np.cos(2 * np.pi * 5 * (np.arange(64) - by) / 64)[None].repeat(64, 0) for by in (0, 1))
    a, b = complex_bands(wave)[1][0], complex_bands(moved)[1][0]
    np.testing.assert_allclose(np.abs(a), np.abs(b), atol=1e-9)
    assert np.abs(a).max() > 0.01
    turn = np.angle(b * a.conj())
    np.testing.assert_allclose(np.abs(turn), 2 * np.pi * 5 / 64, atol=1e-9)
