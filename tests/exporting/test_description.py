"""The description says enough to do without the library: windows and map by it give the library's volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from transmodal.exporting.description import describe
from transmodal.exporting.window import with_window
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import preprocess
from transmodal.inference.synthesis import synthesise
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec


def test_a_program_that_knows_the_description_alone_makes_the_librarys_volume(
    small: Callable[..., Model],
) -> None:
    model = small()
    specs = {"t1": IntensitySpec("percentile", 5.0, 95.0)}
    model = replace(model, preprocessing=replace(model.preprocessing, spacing_mm=None, specs=specs))
    fixed = with_window(model, (16, 12))
    voxels = np.random.default_rng(0).uniform(0, 700, (11, 9, 4)).astype(np.float32)
    source = Volume(voxels, np.diag([2.0, 2.0, 2.0, 1.0]))
    expected = synthesise(
        model.engine, fixed.preprocessing, preprocess(fixed.preprocessing, {"t1": source})
    ).volume

    text = describe(fixed, "onnx")
    assert text["input"]["channels"] == [{"modality": "t1", "channel": 0, "slice": 0}]
    assert text["before"]["windows"]["axes"] == ["z"]
    spec, height, width = text["before"]["intensity"]["t1"], *text["input"]["shape"][2:]
    low, high = np.percentile(voxels, (spec["low"], spec["high"]))
    scaled = np.clip((voxels - low) / (high - low) * 2 - 1, -1, 1)
    top, left = (height - 11) // 2, (width - 9) // 2
    windows = np.full((4, 1, height, width), text["before"]["beyond_volume"], np.float32)
    windows[:, 0, top : top + 11, left : left + 9] = scaled.transpose(2, 0, 1)
    with torch.no_grad():
        output = model.translator(torch.from_numpy(windows), torch.ones(4, 1)).numpy()
    values = output[:, 0, top : top + 11, left : left + 9].transpose(1, 2, 0).astype(float)
    after = text["after"]
    values = np.clip((values - after["map"]["offset"]) / after["map"]["scale"], *after["bounds"])
    np.testing.assert_allclose(values, expected.voxels, atol=1e-5)
    assert (after["target"], after["unit"]) == ("fa", "FA")


def test_channels_of_a_slab_are_told_modality_by_modality(small: Callable[..., Model]) -> None:
    model = small({"kind": "slab", "depth": 3, "size": [16, 16]})
    channels = describe(with_window(model, (16, 16)), "torch")["input"]["channels"]
    assert [channel["slice"] for channel in channels] == [-1, 0, 1]
    patches = describe(small({"kind": "patch", "size": [8, 8, 8]}, None), "torch")["before"]["windows"]
    assert (patches["axes"], patches["overlap"]) == (None, 0.5)
