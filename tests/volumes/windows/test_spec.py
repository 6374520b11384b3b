"""Shapes and places of windows."""

from __future__ import annotations

from typing import Any

import pytest

from transmodal.errors import UsageError
from transmodal.volumes.windows.cut import (
    Cutting,
    list_windows,
)

SHAPE = (7, 10, 5)


@pytest.mark.parametrize(
    "cutting",
    [
        Cutting(multiple=4),
        Cutting(size=(4, 4), fit="keep"),
        Cutting(size=(4, 4), fit="ignore"),
        Cutting("patch", size=(4, 4, 4)),
    ],
)
def test_what_covers_stays_as_it_is(cutting: Cutting) -> None:
    axis = None if cutting.kind == "patch" else 2
    assert cutting.covering(SHAPE, axis) is cutting


@pytest.mark.parametrize("axis", [None, -1, 3])
def test_slices_need_an_axis(axis: int | None) -> None:
    with pytest.raises(UsageError, match="0, 1 or 2"):
        list_windows(SHAPE, Cutting(), axis)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"size": (4, 4, 4)}, "size"),
        ({"size": (0, 4)}, "size"),
        ({"kind": "patch", "size": (4, 4)}, "size"),
        ({"kind": "patch"}, "no size"),
        ({"fit": "keep"}, "no size"),
        ({"size": (12, 10), "multiple": 4}, "multiple"),
        ({"multiple": 0}, "multiple"),
        ({"kind": "slab", "depth": 2}, "depth"),
        ({"kind": "slab", "depth": -1}, "depth"),
        ({"kind": "slice", "depth": 3}, "depth"),
        ({"overlap": 1.0}, "overlap"),
        ({"overlap": -0.1}, "overlap"),
    ],
)
def test_cuttings_that_make_no_window_are_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named) as caught:
        Cutting(**settings)
    assert caught.value.code == "E001"
