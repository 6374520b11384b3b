"""Parity: an artefact that computes as the library does, and those that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import UsageError
from transmodal.exporting import parity, phantom
from transmodal.exporting.parity import Run, measure_parity, run_by
from transmodal.exporting.window import with_window
from transmodal.inference.engines.torch import TorchEngine
from transmodal.inference.model import Model

Small = Callable[..., Model]
Windows = NDArray[np.float32]


def by_torch(model: Model, change: Callable[[Windows], Windows]) -> Run:
    engine = TorchEngine(model.translator, model.device)

    def translate(windows: Windows) -> Windows:
        ones = np.ones((len(windows), 1), np.float32)
        return change(engine.infer(windows, ones, np.zeros(len(windows), np.int64)))

    return run_by(translate)


def test_equal_windows_make_equal_volumes_and_a_change_is_measured(small: Small) -> None:
    model = small()
    fixed, sources = with_window(model, (16, 16)), phantom.build(model.preprocessing, (16, 16))
    equal = measure_parity(model, fixed, sources, by_torch(model, lambda x: x))
    assert equal["windows"]["largest_difference"] == equal["volume"]["largest_difference"] == 0
    assert 0 < equal["windows"]["count"] <= equal["volume"]["shape"][2]
    assert [row["metric"] for row in equal["volume"]["metrics"]][:2] == ["mae", "psnr"]
    assert equal["volume"]["metrics"][1]["value"] == "infinite: equal volumes"
    assert equal["latency"]["threads"] > 0
    assert equal["latency"]["seconds_per_window"] > 0
    # Of an output in [-1, 1] that is mapped to FA from 0 to 1, half of it is seen.
    moved = measure_parity(model, fixed, sources, by_torch(model, lambda x: x + np.float32(1e-4)))
    assert moved["windows"]["largest_difference"] == pytest.approx(1e-4, rel=0.01)
    assert 0 < moved["volume"]["largest_difference"] <= 0.6e-4
    assert np.isfinite(moved["volume"]["metrics"][1]["value"])


@pytest.mark.parametrize("change", [lambda x: x + 0.01, lambda x: x * np.nan, lambda x: x[..., :8]])
def test_an_artefact_that_computes_otherwise_is_refused(
    small: Small, change: Callable[[Windows], Windows]
) -> None:
    model = small()
    with pytest.raises(UsageError, match=r"differs from torch.*--as file") as refused:
        measure_parity(model, model, phantom.build(model.preprocessing, (16, 16)), by_torch(model, change))
    assert refused.value.code == "E004"


def test_the_volume_is_held_to_the_library_as_it_translates(small: Small) -> None:
    """Where the library's windows are others than the artefact's, that is in the volume's difference."""
    model = small({"size": [16, 16]})
    wide = with_window(model, (32, 32))
    sources = phantom.build(model.preprocessing, (16, 16))
    report = measure_parity(model, wide, sources, by_torch(model, lambda x: x))
    assert report["windows"]["largest_difference"] == 0
    assert report["windows"]["shape"] == [1, 32, 32]
    cropped = replace(model, preprocessing=replace(model.preprocessing, batch=3))
    assert (
        measure_parity(cropped, cropped, sources, by_torch(model, lambda x: x))["latency"][
            "windows_per_batch"
        ]
        == 3
    )
    assert parity.TOLERANCE < 0.01
