"""Configurations of bundles: which of the two, and what MONAI is told."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from transmodal.exporting.bundle import configuration
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes.intensity import IntensitySpec, fit


@pytest.fixture
def plain(small: Callable[..., Model]) -> Model:
    model = small({"size": [16, 16]})
    return replace(model, preprocessing=replace(model.preprocessing, spacing_mm=None))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"region": "brain"}, "region"),
        ({"spacing_mm": 1.0}, "spacing"),
        ({"axes": (0, 2), "fuse": "median"}, "median"),
        ({"axes": (0, 2)}, ""),
        ({"source_channels": {"t1": 3}}, "colour"),
        ({"target": "colour"}, "colour"),
        ({"plane_channels": True}, "plane"),
    ],
)
def test_the_reason_why_the_library_is_needed_is_told(
    plain: Model, changes: dict[str, Any], words: str
) -> None:
    reason = configuration.obstacle(replace(plain.preprocessing, **changes))
    assert words in reason
    assert bool(words) == bool(reason)


def test_slabs_and_resized_slices_are_the_librarys(small: Callable[..., Model]) -> None:
    for windows in ({"kind": "slab", "depth": 3}, {"size": [16, 16], "fit": "keep"}):
        model = small(windows)
        preprocessing = replace(model.preprocessing, spacing_mm=None)
        assert "padded slices" in configuration.obstacle(preprocessing)


def transforms(preprocessing: Preprocessing, model: Model) -> list[dict[str, Any]]:
    config = configuration.by_monai(replace(model, preprocessing=preprocessing))
    return list(config["preprocessing"]["transforms"])


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (IntensitySpec("window", -5, 7), {"_target_": "ScaleIntensityRanged", "a_min": -5, "a_max": 7}),
        (IntensitySpec("percentile", 1, 99), {"_target_": "ScaleIntensityRangePercentilesd", "lower": 1}),
        (IntensitySpec("minmax"), {"_target_": "ScaleIntensityd", "minv": -1.0}),
        (IntensitySpec("zscore"), {"_target_": "NormalizeIntensityd"}),
    ],
)
def test_each_method_has_monais_own_transform(
    plain: Model, spec: IntensitySpec, expected: dict[str, Any]
) -> None:
    scaling = transforms(replace(plain.preprocessing, specs={"t1": spec}), plain)[2]
    assert expected.items() <= scaling.items()


@pytest.mark.parametrize("method", ["window", "zscore"])
def test_expressions_are_python_and_the_whole_is_json(plain: Model, method: str) -> None:
    spec = IntensitySpec("window", 0, 1) if method == "window" else IntensitySpec("zscore")
    target_map = fit(spec, np.linspace(-1, 1, 27).reshape(3, 3, 3))
    model = replace(plain, preprocessing=replace(plain.preprocessing, target_map=target_map, target="t2"))
    config = json.loads(json.dumps(configuration.by_monai(model), allow_nan=False))
    function = config["postprocessing"]["transforms"][1]["func"]
    ast.parse(function[1:])
    assert ("torch.clip" in function) == (method == "window")
    assert config["inferer_2"]["roi_size"] == [16, 16]
    library = json.loads(json.dumps(configuration.by_library(model.preprocessing)))
    assert "{'t1': @t1}" in library["run"][0]
    assert "synthetic_t2.nii.gz" in library["run"][0]
