"""Synthetic pictures: whole levels where PNG has them, and a refusal before any work where it has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.errors import UsageError
from transmodal.inference.pictures import check, holds, in_levels, is_picture
from transmodal.inference.preprocessing import Preprocessing
from transmodal.inference.translation import Translation
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting


def preprocessing(target: str, low: float, high: float, method: str = "window") -> Preprocessing:
    spec = IntensitySpec("window", low, high) if method == "window" else IntensitySpec("zscore")
    target_map = fit(spec, np.linspace(low, high, 27).reshape(3, 3, 3))
    return Preprocessing(
        ("t1",), target, None, "whole", {"t1": spec}, Cutting("slice"), (2,), "mean", 4, target_map
    )


def translation(*values: float) -> Translation:
    volume = Volume(np.array(values, np.float32).reshape(-1, 1, 1), np.eye(4))
    return Translation(volume, None, {"notes": ["first"], "target": "t2"})


def test_png_holds_levels_from_0_up_and_tiff_everything() -> None:
    assert holds(preprocessing("t2", 0, 255), ".png")
    assert not holds(preprocessing("fa", 0, 1), ".png")
    assert not holds(preprocessing("ct", -1024, 3000), ".PNG")
    assert not holds(preprocessing("t2", 0, 255, "zscore"), ".png")
    assert not holds(preprocessing("t2", 0, 70000), ".png")
    assert holds(preprocessing("ct", -1024, 3000), ".tif")
    assert is_picture(Path("a.TIF"))
    assert not is_picture(Path("a.nii.gz"))


def test_what_png_does_not_hold_is_refused() -> None:
    check(preprocessing("t2", 0, 255), Path("t2.png"), disagreement=False)
    check(preprocessing("fa", 0, 1), Path("fa.tif"), disagreement=True)
    for target, name, disagreement in (("fa", "fa.png", False), ("t2", "t2.png", True)):
        with pytest.raises(UsageError) as refused:
            check(
                preprocessing(target, 0, 255 if target == "t2" else 1), Path(name), disagreement=disagreement
            )
        assert refused.value.code == "E005"


def test_values_become_the_nearest_level_and_notes_say_so() -> None:
    levels = in_levels(translation(-3, 0.6, 254.4, 300), preprocessing("t2", 0, 255), Path("t2.png"))
    assert levels.volume.voxels.dtype == np.uint8
    assert levels.volume.voxels.ravel().tolist() == [0, 1, 254, 255]
    assert levels.record["notes"] == [
        "first", "values are rounded to whole levels of 8 bits, as PNG holds them; 2 beyond them are clipped",
    ]  # fmt: skip
    deep = in_levels(translation(999.5), preprocessing("t2", 0, 4000), Path("t2.png"))
    assert deep.volume.voxels.dtype == np.uint16
    assert deep.volume.voxels.item() == 1000


def test_other_formats_and_whole_numbers_stay() -> None:
    real = translation(0.5)
    assert in_levels(real, preprocessing("t2", 0, 255), Path("t2.tif")) is real
    whole = replace(real, volume=real.volume.with_voxels(np.full((1, 1, 1), 7, np.int16)))
    assert in_levels(whole, preprocessing("t2", 0, 255), Path("t2.png")) is whole
