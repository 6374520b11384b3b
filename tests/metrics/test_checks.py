from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError, UsageError
from transmodal.metrics.checks import check_colour, check_plane, check_side, fill_outside


def test_what_is_no_image_is_refused_by_name() -> None:
    grey, colour = np.ones((9, 9)), np.ones((9, 9, 3))
    check_plane(grey, grey, None, channels=1, side=9)
    check_plane(colour, colour, None, channels=3, side=9)
    with pytest.raises(InputError, match=r"expected an image \(H, W\)") as caught:
        check_plane(colour, colour, None, channels=1, side=9)
    assert caught.value.code == "E121"
    with pytest.raises(InputError, match="three channels") as caught:
        check_colour(grey)
    assert caught.value.code == "E122"
    with pytest.raises(UsageError, match=r"9x9.*at least 10") as small:
        check_side(grey.shape, 10)
    assert small.value.code == "E004"


def test_outside_the_mask_both_images_take_the_references_mean() -> None:
    x, y = np.random.default_rng(2).random((2, 4, 5))
    mask = np.random.default_rng(3).random(x.shape) > 0.5
    of_x, of_y = fill_outside(x, y, mask)
    assert np.array_equal(of_x[mask], x[mask])
    assert np.array_equal(of_y[mask], y[mask])
    assert of_x[~mask] == pytest.approx(x[mask].mean())
    assert of_y[~mask] == pytest.approx(x[mask].mean())
