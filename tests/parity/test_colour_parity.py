from __future__ import annotations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from transmodal.metrics.suite.colour import ciede2000, difference, to_lab

AGREEMENT = 1e-6


def test_lab_is_scikit_images_above_the_dark_toe() -> None:
    # Below Y = 0.008856 theirs rounds the constants of the standard to four digits.
    colours = np.random.default_rng(0).uniform(0.15, 1, (500, 3))
    assert to_lab(colours, white=1) == pytest.approx(rgb2lab(colours), abs=AGREEMENT)
    assert to_lab(colours * 255, white=255) == pytest.approx(rgb2lab(colours), abs=AGREEMENT)


def test_ciede2000_is_scikit_images_over_all_of_lab() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.uniform((0, -100, -100), (100, 100, 100), (2, 2000, 3))
    one[:100, 1:] = 0  # greys have no hue
    other[100:200] = one[100:200] * (1, -1, -1)  # opposite hues
    assert difference(one, other) == pytest.approx(deltaE_ciede2000(one, other), abs=AGREEMENT)


def test_the_mean_over_an_image_is_scikit_images() -> None:
    x, y = np.random.default_rng(2).uniform(0.15, 1, (2, 17, 23, 3))
    mask = np.random.default_rng(3).random((17, 23)) > 0.6
    theirs = deltaE_ciede2000(rgb2lab(x), rgb2lab(y))
    assert ciede2000(x, y, white=1) == pytest.approx(theirs.mean(), abs=AGREEMENT)
    assert ciede2000(x, y, white=1, mask=mask) == pytest.approx(theirs[mask].mean(), abs=AGREEMENT)
