"""Strips inside a page hold the pixels that were drawn."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from transmodal.evaluation.drawing.figures import DisplayWindow, error_palette, grey
from transmodal.evaluation.drawing.inline import error_uri, grey_uri


def _decoded(uri: str) -> Image.Image:
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_grey_values_are_those_of_the_window() -> None:
    strip, window = np.linspace(-5, 15, 12, dtype=np.float32).reshape(3, 4), DisplayWindow(0, 10, "")
    np.testing.assert_array_equal(np.asarray(_decoded(grey_uri(strip, window))), grey(strip, window))


def test_errors_have_the_colours_of_the_palette() -> None:
    strip = np.array([[-2.0, 0.0, 2.0]], np.float32)
    colours = np.asarray(_decoded(error_uri(strip, 2.0)).convert("RGB"))
    np.testing.assert_array_equal(colours[0], error_palette()[[0, 128, 255]])
