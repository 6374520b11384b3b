"""The window of a graph: whose size it has, and which volumes it holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import small_models
from transmodal.errors import UsageError
from transmodal.exporting.window import choose, shape_of, with_window
from transmodal.inference.model import Model
from transmodal.volumes import Volume

Small = Callable[..., Model]


def volume(*shape: int) -> dict[str, Volume]:
    return {"t1": Volume(np.zeros(shape, np.float32), np.diag([16.0, 16.0, 16.0, 1.0]))}


def test_it_is_trainings_widened_to_the_test_volume(small: Small) -> None:
    model = small()
    assert choose(model.preprocessing, None, None) == (16, 16)
    assert choose(model.preprocessing, None, volume(10, 12, 9)) == (16, 16)
    assert choose(model.preprocessing, None, volume(10, 21, 9)) == (16, 24)
    planes = model.with_axes(("x", "z"))
    assert choose(planes.preprocessing, None, volume(10, 21, 33)) == (24, 36)
    assert shape_of(with_window(model, (24, 36))) == (1, 24, 36)
    assert choose(small(small_models.PATCHES, None).preprocessing, None, volume(99, 9, 9)) == (8, 8, 8)


def test_sides_that_the_network_or_the_volume_does_not_take_are_refused(small: Small) -> None:
    model = small()
    assert choose(model.preprocessing, (32, 20), volume(30, 20, 9)) == (32, 20)
    for window in ((16,), (15, 16), (0, 16)):
        with pytest.raises(UsageError, match="Give --window 16,16") as refused:
            choose(model.preprocessing, window, None)
        assert refused.value.code == "E001"
    with pytest.raises(UsageError, match=r"slices of 32,20.*Give --window 32,20") as small_window:
        choose(model.preprocessing, (16, 20), volume(30, 20, 9))
    assert small_window.value.code == "E004"


def test_a_run_that_does_not_say_its_windows_needs_one(small: Small) -> None:
    with pytest.raises(UsageError, match="--window 256,256") as refused:
        choose(small(learned=None).preprocessing, None, None)
    assert refused.value.code == "E004"
    assert choose(small(learned=None).preprocessing, None, volume(9, 17, 9)) == (12, 20)
