from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.viewing.layers import Layer, difference, windows
from transmodal.volumes import Volume

AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])
MOVED = AFFINE + np.array([[0, 0, 0, 0.5], *[[0] * 4] * 3])
RAMP = np.arange(60, dtype=np.float32).reshape(3, 4, 5)


def layer(voxels: np.ndarray, modality: str = "", **about: object) -> Layer:
    return Layer("a", Volume(voxels, AFFINE), modality, **about)  # type: ignore[arg-type]


def test_the_difference_is_the_second_minus_the_first() -> None:
    first, second = (
        layer(RAMP.astype(np.int16), "ct"),
        layer(RAMP.astype(np.int16) - 7, "ct", is_synthetic=True),
    )
    result = difference([first, second, layer(RAMP)])
    assert (result.volume.voxels == -7).all()
    assert (result.role, result.unit, result.is_synthetic) == ("difference", "HU", True)


def test_unsigned_bytes_do_not_wrap_around_and_colour_has_one_distance() -> None:
    grey = np.full((2, 2, 2), 3, np.uint8)
    assert (difference([layer(grey), layer(grey - 2)]).volume.voxels == -2).all()
    red = np.zeros((2, 2, 2, 3), np.uint8)
    red[..., 0] = 9
    assert (difference([layer(red), layer(red * 0)]).volume.voxels == 3).all()


@pytest.mark.parametrize(
    ("second", "error", "code"),
    [
        ([], UsageError, "E004"),
        ([layer(RAMP, role="spread")], UsageError, "E004"),
        ([layer(RAMP[:2])], InputError, "E130"),
        ([Layer("moved", Volume(RAMP, MOVED))], InputError, "E130"),
        ([layer(np.zeros((3, 4, 5, 3), np.uint8))], InputError, "E122"),
    ],
)
def test_volumes_that_do_not_fit_have_no_difference(
    second: list[Layer], error: type[TransmodalError], code: str
) -> None:
    with pytest.raises(error) as caught:
        difference([layer(RAMP), *second])
    assert caught.value.code == code


def names(shown: Layer) -> list[str]:
    return [window.name for window in windows(shown)]


def test_windows_are_those_of_the_modality() -> None:
    assert names(layer(RAMP, "ct")) == [
        "whole range",
        "brain",
        "bone",
        "soft tissue",
        "lung",
        "nearly all",
        "all",
    ]
    assert names(layer(RAMP / 60, "fa")) == ["FA", "nearly all", "all"]
    assert names(layer(RAMP, "t1")) == ["nearly all", "all"]
    assert names(layer(RAMP)) == ["nearly all", "all"]
    assert names(layer(RAMP - 1000))[:4] == ["brain", "bone", "soft tissue", "lung"]
    assert names(layer(np.zeros((2, 2, 2, 3), np.uint8), "colour")) == []


def test_a_difference_is_windowed_around_nought_and_a_spread_from_it() -> None:
    for window in windows(layer(RAMP - 10, role="difference")):
        assert window.low == -window.high < 0
    assert {window.low for window in windows(layer(RAMP, role="spread"))} == {0.0}


@pytest.mark.parametrize("role", ["volume", "difference", "spread"])
def test_constant_values_have_windows_that_are_open(role: str) -> None:
    for window in windows(layer(RAMP * 0, role=role)):
        assert window.high > window.low
