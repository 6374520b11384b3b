"""Gratings: what passes a known filter, what leaves images as they are, and what answers at another frequency."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from transmodal.experiments.study.studies.spectrum.gratings import (
    AMPLITUDE,
    FREQUENCIES,
    Ground,
    grey_ground,
    responses,
    slice_ground,
)

Images = NDArray[np.float32]
ROUND = np.hypot(*np.meshgrid(*[np.arange(-32, 32)] * 2, indexing="ij")) < 26


def grounds() -> list[Ground]:
    """Return even grey, and a noisy round head."""
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (1, 64, 64))
    head = np.where(ROUND, noise, -1).astype(np.float32)
    return [grey_ground(1, (64, 64)), slice_ground(head, ROUND)]


@pytest.mark.parametrize("ground", grounds(), ids=["grey", "slice"])
def test_what_leaves_images_as_they_are_is_flat_at_1(ground: Ground) -> None:
    answers = responses(lambda images: images, ground)
    assert list(answers) == list(FREQUENCIES)
    assert [answer.amplitude for answer in answers.values()] == pytest.approx([1.0] * 8, abs=1e-4)
    assert max(answer.elsewhere for answer in answers.values()) < 1e-4
    turned = responses(lambda images: 3 - 0.5 * images, ground)
    assert [answer.amplitude for answer in turned.values()] == pytest.approx([0.5] * 8, abs=1e-4)


@pytest.mark.parametrize("ground", grounds(), ids=["grey", "slice"])
def test_a_blur_passes_what_its_formula_says(ground: Ground) -> None:
    def blur(images: Images) -> Images:
        return ndimage.gaussian_filter(images, (0, 0, 1, 1))

    for frequency, answer in responses(blur, ground).items():
        assert answer.amplitude == pytest.approx(np.exp(-2 * (np.pi * frequency) ** 2), abs=0.06)


def test_strides_hang_on_where_the_grating_lies() -> None:
    """Every second pixel, repeated: near half a cycle per pixel the answer has another frequency."""

    def stride(images: Images) -> Images:
        return images[:, :, ::2, ::2].repeat(2, axis=2).repeat(2, axis=3)

    answers = responses(stride, grey_ground(1, (64, 64)))
    assert answers[FREQUENCIES[0]].elsewhere < 0.1 < 0.5 < answers[FREQUENCIES[-1]].elsewhere


def test_a_network_without_an_answer_has_no_other_frequencies() -> None:
    even = responses(lambda images: np.zeros_like(images) + np.float32(0.3), grounds()[1])
    assert {(round(answer.amplitude, 6), answer.elsewhere) for answer in even.values()} == {(0.0, 0.0)}


def test_gratings_stay_inside_of_the_mask_and_within_their_amplitude() -> None:
    seen: list[Images] = []

    def look(images: Images) -> Images:
        seen.append(images)
        return images[:, :1]

    ground = slice_ground(np.full((2, 64, 64), -1, np.float32), ROUND)
    responses(look, ground)
    changes = np.concatenate(seen) + 1
    assert (changes[:, :, ~ROUND] == 0).all()
    assert 0.9 * AMPLITUDE < np.abs(changes).max() <= AMPLITUDE + 1e-6
    assert np.array_equal(changes[:, 0], changes[:, 1])
