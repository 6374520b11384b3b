"""Runs are loaded under names that say by which passes they translate."""

from __future__ import annotations

import pytest

from small_models import PATCHES, model
from transmodal.errors import UsageError
from transmodal.evaluation.runs import with_passes
from transmodal.inference.passes import Passes


def test_other_passes_are_taken_by_those_that_can() -> None:
    models = [model({"axes": ["z"]}), model(PATCHES, None)]
    names, chosen = with_passes(["slices", "patches"], models, Passes(("x", "z")))
    assert names == ["slices, axes x,z", "patches"]
    assert [one.preprocessing.axes for one in chosen] == [(0, 2), models[1].preprocessing.axes]
    assert with_passes(["slices", "patches"], models, Passes(("z",)))[0] == ["slices", "patches"]
    with pytest.raises(UsageError, match="3D patches"):
        with_passes(["patches"], models[1:], Passes(("x",)))
    with pytest.raises(UsageError, match="draws no noise"):
        with_passes(["slices", "patches"], models, Passes(draws=2))


def test_flips_are_of_those_whose_windows_they_change() -> None:
    models = [model({"axes": ["z"]}), model(PATCHES, None)]
    names, chosen = with_passes(["slices", "patches"], models, Passes(flips=("x", "z")))
    assert names == ["slices, flips x", "patches, flips x,z"]
    assert [one.preprocessing.flips for one in chosen] == [(0,), (0, 2)]
    assert with_passes(["slices"], models[:1], Passes(("x", "z"), flips=("z",)))[1][
        0
    ].preprocessing.flips == (2,)
    with pytest.raises(UsageError, match="flip z of slices along z alone"):
        with_passes(["slices"], models[:1], Passes(flips=("z",)))
    with pytest.raises(UsageError, match="axis 'q'"):
        with_passes(["slices", "patches"], models, Passes(flips=("q",)))
