from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.metrics.measure import measure
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.suite.energy import outside_energy, ring_energy


def test_energy_outside_the_brain_by_hand() -> None:
    image = np.array([[[2.0, 1.0, 1.0]]])
    brain = np.array([[[True, True, False]]])
    assert outside_energy(image, brain) == pytest.approx(1 / 6)
    assert outside_energy(image, brain, background=1) == 0
    assert outside_energy(np.stack([image, 0 * image, image], axis=-1), brain) == pytest.approx(1 / 6)


def test_the_ring_begins_and_ends_in_mm() -> None:
    image = np.zeros((1, 1, 9))
    brain = np.zeros(image.shape, bool)
    brain[..., 0], image[..., 0] = True, 2
    image[..., 2], image[..., 4] = 1, 1
    for background in (0, -5):
        got = ring_energy(
            image + background, brain, spacing_mm=(9, 9, 2), from_mm=2, to_mm=8, background=background
        )
        assert got == pytest.approx((2 / 3) / 4)  # 4, 6 and 8 mm away
    assert ring_energy(image, brain, spacing_mm=(9, 9, 1), from_mm=4, to_mm=15) == 0


def test_what_has_no_answer_is_refused_by_name() -> None:
    x, brain = np.ones((3, 4, 5)), np.ones((3, 4, 5), bool)
    for call, words in (
        (lambda: outside_energy(0 * x, brain), "background everywhere"),
        (lambda: outside_energy(x, ~brain), "no voxels"),
        (lambda: outside_energy(x * math.nan, brain), "not finite"),
        (lambda: ring_energy(x, brain, spacing_mm=(1, 1, 1)), "ends at the brain"),
        (lambda: ring_energy(0 * x, brain, spacing_mm=(1, 1, 1)), "brain that is background"),
    ):
        with pytest.raises(InputError, match=words):
            call()
    for call, words in (
        (lambda: ring_energy(x, brain, spacing_mm=(1, 1, 1), from_mm=5, to_mm=5), "a ring from 5 to 5 mm"),
        (lambda: ring_energy(x, brain, spacing_mm=(1, 0, 1)), "a spacing"),
    ):
        with pytest.raises(UsageError, match=words):
            call()


def test_energies_are_measured_around_the_mask(inner_mask: NDArray[np.bool_]) -> None:
    values = np.where(inner_mask, np.random.default_rng(4).random(inner_mask.shape), 0.02)
    pair = ImagePair(values, values, 1.0, "FA", (2.0, 2.0, 2.0), mask=inner_mask)
    outside, ring = measure(pair, ["outside_energy", "ring_energy"])
    assert outside.value == outside_energy(values, inner_mask) > 0
    assert ring.value == ring_energy(values, inner_mask, spacing_mm=(2.0, 2.0, 2.0)) > 0
    assert outside.protocol.text().startswith("around the evaluation mask; 3D")
    with pytest.raises(UsageError, match="no mask"):
        measure(replace(pair, mask=None), ["ring_energy"])
