from __future__ import annotations

import math

import numpy as np
import pytest

from transmodal.errors import InputError, UsageError
from transmodal.metrics.suite.artefacts import (
    gradient_error,
    lattice,
    lattice_excess,
    outside_energy,
    ring_energy,
)


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


def test_a_chequered_board_and_stripes_are_told_apart() -> None:
    i, j = np.indices((32, 41))
    smooth = np.sin(i / 6) + np.cos(j / 7)
    assert lattice(smooth).share < 1e-3
    board, stripes = lattice((-1.0) ** (i + j)), lattice((-1.0) ** i + 0 * j)
    assert board.checkerboard > 0.99
    assert stripes.checkerboard < 0.01
    assert stripes.stripes > 0.99
    assert lattice_excess(smooth, smooth + 0.2 * (-1.0) ** (i + j)) > 0.01
    assert lattice_excess(smooth, smooth) == 0


def test_white_noise_has_its_share() -> None:
    found = lattice(np.random.default_rng(0).normal(size=(400, 300)))
    assert found.checkerboard == pytest.approx(0.01, abs=0.002)
    assert found.stripes == pytest.approx(0.18, abs=0.01)


def test_a_constant_image_has_no_lattice() -> None:
    assert lattice(np.full((20, 25), 7.0)) == (0, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_steps_between_slices_show_in_the_slopes(axis: int) -> None:
    reference = np.zeros((4, 5, 6))
    steps = np.moveaxis(np.zeros((4, 5, 6)), axis, 0)
    steps[::2] = 3
    synthetic = np.moveaxis(steps, 0, axis)
    assert gradient_error(reference, synthetic, axis=axis, spacing_mm=1.5) == pytest.approx(2)
    assert gradient_error(reference, synthetic + 100, axis=axis, spacing_mm=1.5) == pytest.approx(2)
    assert gradient_error(reference, synthetic, axis=(axis + 1) % 3, spacing_mm=1.5) == 0
    colour = [np.repeat(image[..., None], 3, axis=3) for image in (reference, synthetic)]
    assert gradient_error(colour[0], colour[1], axis=axis, spacing_mm=1.5) == pytest.approx(2)


def test_slopes_count_where_both_neighbours_are_in_the_mask() -> None:
    x, y = np.zeros((2, 1, 1, 4))
    y[0, 0] = [0, 1, 5, 99]
    mask = np.array([[[True, True, True, False]]])
    assert gradient_error(x, y, axis=2, spacing_mm=1, mask=mask) == pytest.approx(2.5)
    with pytest.raises(InputError, match="neighbours"):
        gradient_error(x, y, axis=2, spacing_mm=1, mask=np.array([[[True, False, True, False]]]))


def test_what_has_no_answer_is_refused_by_name() -> None:
    x, brain = np.ones((3, 4, 5)), np.ones((3, 4, 5), bool)
    for call, words in (
        (lambda: outside_energy(0 * x, brain), "background everywhere"),
        (lambda: outside_energy(x, ~brain), "no voxels"),
        (lambda: outside_energy(x * math.nan, brain), "not finite"),
        (lambda: ring_energy(x, brain, spacing_mm=(1, 1, 1)), "ends at the brain"),
        (lambda: ring_energy(0 * x, brain, spacing_mm=(1, 1, 1)), "brain that is background"),
        (lambda: lattice(x), "expected an image"),
        (lambda: lattice_excess(x, x[1:]), "one shape"),
        (lambda: gradient_error(x, x[1:], axis=0, spacing_mm=1), "one shape"),
    ):
        with pytest.raises(InputError, match=words):
            call()
    for wrong, words in (
        (lambda: ring_energy(x, brain, spacing_mm=(1, 1, 1), from_mm=5, to_mm=5), "a ring from 5 to 5 mm"),
        (lambda: ring_energy(x, brain, spacing_mm=(1, 0, 1)), "a spacing"),
        (lambda: lattice(np.ones((19, 30))), "19x30"),
        (lambda: gradient_error(x[:1], x[:1], axis=0, spacing_mm=1), "two slices"),
        (lambda: gradient_error(x, x, axis=0, spacing_mm=-1), "a spacing"),
    ):
        with pytest.raises(UsageError, match=words):
            wrong()
