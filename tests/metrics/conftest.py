"""A pair of colour volumes with a source, labels of organs and a mask to take."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.metrics.pair import ImagePair

SHAPE = (50, 52, 3)


@pytest.fixture
def colour_pair() -> ImagePair:
    """Return noise in colour, with a grey source and two organs, and no mask."""
    draw = np.random.default_rng(4)
    reference = draw.integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    synthetic = np.clip(reference + draw.normal(0, 20, reference.shape), 0, 255).astype(np.float32)
    source = draw.random(SHAPE).astype(np.float32)
    labels = np.zeros(SHAPE, np.int16)
    labels[5:20, 5:20] = 1
    labels[25:30, 25:30] = 4
    return ImagePair(
        reference, synthetic, 255.0, "sRGB levels", (1.0, 1.0, 1.0), source=source, labels=labels
    )


@pytest.fixture
def inner_mask() -> NDArray[np.bool_]:
    """Return a mask that leaves the border of every slice out."""
    mask = np.zeros(SHAPE, bool)
    mask[4:46, 4:46] = True
    return mask
