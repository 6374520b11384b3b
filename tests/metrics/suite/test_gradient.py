from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError, UsageError
from transmodal.metrics.suite.gradient import gradient_error


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
    x = np.ones((3, 4, 5))
    for call, words in ((lambda: gradient_error(x, x[1:], axis=0, spacing_mm=1), "one shape"),):
        with pytest.raises(InputError, match=words):
            call()
    for call, words in (
        (lambda: gradient_error(x[:1], x[:1], axis=0, spacing_mm=1), "two slices"),
        (lambda: gradient_error(x, x, axis=0, spacing_mm=-1), "a spacing"),
    ):
        with pytest.raises(UsageError, match=words):
            call()
