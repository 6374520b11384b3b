from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError, UsageError
from transmodal.metrics.suite.lattice import lattice, lattice_excess


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


def test_what_has_no_answer_is_refused_by_name() -> None:
    x = np.ones((3, 4, 5))
    for call, words in (
        (lambda: lattice(x), "expected an image"),
        (lambda: lattice_excess(x, x[1:]), "one shape"),
    ):
        with pytest.raises(InputError, match=words):
            call()
    for call, words in ((lambda: lattice(np.ones((19, 30))), "19x30"),):
        with pytest.raises(UsageError, match=words):
            call()
