from __future__ import annotations

from dataclasses import replace

import numpy as np

from transmodal.metrics.pair import ImagePair

HU = ImagePair(
    np.full((4, 5, 6), -24, np.int16),
    np.zeros((4, 5, 6), np.float32),
    4024.0,
    "HU",
    (1, 1, 2),
    background=-1024,
)


def test_shapes_leave_channels_out(colour_pair: ImagePair) -> None:
    assert (colour_pair.kind, colour_pair.shape, colour_pair.slice_shape) == ("colour", (50, 52, 3), (50, 52))
    assert (HU.kind, HU.slice_shape) == ("grey", (4, 5))
    assert replace(HU, axis=0).slice_shape == (5, 6)


def test_values_are_counted_from_the_background() -> None:
    reference, synthetic = HU.above_background
    assert (reference == 1000).all()
    assert (synthetic == 1024).all()
    assert replace(HU, background=0).above_background == (HU.reference, HU.synthetic)


def test_grey_is_the_mean_of_the_channels(colour_pair: ImagePair) -> None:
    grey = colour_pair.in_grey()
    assert np.array_equal(grey.reference, colour_pair.reference.astype(np.float64).mean(axis=-1))
    assert not grey.is_colour
    assert HU.in_grey() is HU
