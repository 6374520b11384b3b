from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from transmodal.evaluation.drawing.figures import (
    DisplayWindow,
    difference,
    error_levels,
    error_limit,
    error_palette,
    grey,
    label,
    modality_labels,
    picture,
    png,
    round_up,
    window_of,
)
from transmodal.volumes import Volume

SHAPE = (24, 30, 18)


def _volume(seed: int, *, colour: bool = False) -> Volume:
    shape = (*SHAPE, 3) if colour else SHAPE
    values = np.random.default_rng(seed).random(shape)
    return Volume((values * 255).astype(np.uint8) if colour else values.astype(np.float32), np.eye(4))


def _opened(encoded: bytes) -> Image.Image:
    return Image.open(io.BytesIO(encoded))


def test_windows_by_modality() -> None:
    values = np.linspace(0, 0.71, 1000)
    assert window_of("ct", values) == DisplayWindow(-1000, 1000, "HU")
    assert window_of("fa", values) == DisplayWindow(0, 0.8, "FA")
    assert window_of("colour", values).is_colour
    low, high, unit, _ = window_of("t2", np.linspace(100, 1100, 1001))
    assert (low, unit) == (pytest.approx(105), "reference units")
    assert high >= 1095


def test_windows_look_inside_the_mask() -> None:
    values = np.full(SHAPE, 1000.0)
    mask = np.zeros(SHAPE, bool)
    mask[:10] = True
    values[:10] = np.linspace(0, 100, 10)[:, None, None]
    assert window_of("t2", values, mask).high <= 100
    assert window_of("t2", values, np.zeros(SHAPE, bool)).high > 900


def test_constants_have_a_window() -> None:
    window = window_of("t2", np.full(SHAPE, 7.0))
    assert window.high > window.low


@pytest.mark.parametrize(
    ("value", "rounded"), [(0.071, 0.08), (0.3, 0.3), (1.01, 1.5), (97, 100), (0, 1), (450, 500), (6.1, 8)]
)
def test_nice_numbers(value: float, rounded: float) -> None:
    assert round_up(value) == pytest.approx(rounded)


def test_grey_maps_the_window_to_bytes() -> None:
    strip = np.array([[np.nan, -5, 0], [5, 10, 99]], np.float32)
    np.testing.assert_array_equal(grey(strip, DisplayWindow(0, 10, "")), [[0, 0, 0], [128, 255, 255]])


def test_errors_are_signed_and_black_at_zero() -> None:
    levels = error_levels(np.array([[-9, -1, 0, np.nan, 1, 9]], np.float32), 1.0)
    np.testing.assert_array_equal(levels, [[0, 0, 128, 128, 255, 255]])
    palette = error_palette().astype(int)
    assert palette[128].sum() < 40
    assert palette[60, 2] > palette[60, 0]  # too low is blue
    assert palette[200, 0] > palette[200, 2]  # too high is orange


def test_differences_in_colour_are_absolute_means() -> None:
    a, b = np.zeros((2, 2, 3), np.float32), np.zeros((2, 2, 3), np.float32)
    a[..., 0], b[..., 1] = 30, 60
    np.testing.assert_array_equal(difference(a, b), np.full((2, 2), 30))
    np.testing.assert_array_equal(difference(a[..., 0], a[..., 1]), np.full((2, 2), 30))


def test_error_limits_are_shared_and_defined() -> None:
    small, large = np.full((5, 5), 0.01, np.float32), np.full((5, 5), -0.19, np.float32)
    assert error_limit([small, large]) == pytest.approx(0.2)
    assert error_limit([np.zeros((3, 3), np.float32)]) == 1
    assert error_limit([np.full((3, 3), np.nan, np.float32)]) == 1


def test_png_holds_the_pixels() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    np.testing.assert_array_equal(np.asarray(_opened(png(pixels))), pixels)
    shown = np.asarray(_opened(png(pixels, error_palette())).convert("RGB"))
    np.testing.assert_array_equal(shown, error_palette()[pixels])


@pytest.mark.parametrize("masked", [True, False])
def test_a_picture_has_a_panel_each(masked: bool) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[4:20, 5:26, 3:15] = True
    args = {"modality": "fa", "mask": mask if masked else None, "height": 120}
    one = _opened(picture({"t1": _volume(1)}, _volume(2), _volume(3), **args))  # type: ignore[arg-type]
    two = _opened(picture({"t1": _volume(1), "t2": _volume(4)}, _volume(2), _volume(3), **args))  # type: ignore[arg-type]
    assert one.height == two.height
    assert two.width > one.width > one.height
    assert np.asarray(one).std() > 20


def test_a_picture_in_colour() -> None:
    image = _opened(
        picture({"t1": _volume(1)}, _volume(2, colour=True), _volume(3, colour=True), modality="colour")
    )
    assert image.mode == "RGB"


def test_modalities_are_written_as_readers_know_them() -> None:
    assert [label(name) for name in ("t1", "flair", "colour")] == ["T1", "FLAIR", "colour"]
    assert modality_labels(["t1", "t2"]) == "T1 + T2"
