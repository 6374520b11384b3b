"""From sources to windows: which sources have to be there, what lies outside, and the passes in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.inference.preprocessing import Preprocessing, passes, preprocess
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

SHAPE = (7, 6, 5)
HU = fit(IntensitySpec("window", -1024.0, 3000.0), np.zeros(1))


def build(**changes: Any) -> Preprocessing:  # noqa: ANN401
    window = IntensitySpec("window", 0.0, 100.0)
    settings: dict[str, Any] = {
        "sources": ("t1", "t2"), "target": "ct", "spacing_mm": None, "region": "whole",
        "specs": dict.fromkeys(("t1", "t2"), window), "cutting": Cutting("slice"), "axes": (2,), "fuse": "mean",
        "batch": 4, "target_map": HU,
    }  # fmt: skip
    return Preprocessing(**{**settings, **changes})


def image(value: float, affine: Any = None) -> Volume:  # noqa: ANN401
    return Volume(np.full(SHAPE, value, np.float32), np.eye(4) if affine is None else affine)


def test_sources_come_in_the_translators_order() -> None:
    assert build().present(["t2", "flair", "t1"]) == ("t1", "t2")
    assert build(accepts_missing=True).present(["t2"]) == ("t2",)


@pytest.mark.parametrize(
    ("accepts_missing", "names", "said"),
    [
        (False, ["t2"], "sources t2 without t1"),
        (True, [], "sources none without t1, t2"),
        (True, ["pd"], "one or more of"),
    ],
)
def test_missing_sources_are_named(accepts_missing: bool, names: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        build(accepts_missing=accepts_missing).present(names)
    assert refused.value.code == "E131"


def test_outside_a_synthetic_ct_is_air_and_outside_others_zero() -> None:
    assert build().fill == -1024
    percent = fit(IntensitySpec("percentile", 1.0, 99.0), np.arange(100.0).reshape(4, 5, 5))
    assert build(target="t2", target_map=percent).fill == 0
    assert build().channels_of("t1") == 1
    assert build(source_channels={"photo": 3}).channels_of("photo") == 3


def test_passes_are_said_in_letters() -> None:
    assert passes(build(axes=(0, 2), fuse="median")) == {"axes": ["x", "z"], "fuse": "median"}
    assert passes(build(draws=3))["draws"] == 3


def test_sources_are_mapped_on_the_working_grid() -> None:
    turned = np.diag([-1.0, -1.0, 2.0, 1.0])
    sources = {"t1": image(25, turned), "t2": image(250, turned)}
    done = preprocess(build(spacing_mm=2.0), sources)
    assert done.grid.spacing == pytest.approx((2, 2, 2))
    assert done.canonical.orientation == done.working["t1"].orientation == "RAS"
    np.testing.assert_allclose(done.working["t1"].voxels, -0.5, atol=1e-6)
    np.testing.assert_allclose(done.working["t2"].voxels, 1.0, atol=1e-6)  # above the window
    assert done.region.shape == SHAPE
    assert done.region.all()


def test_sources_on_two_grids_are_refused() -> None:
    with pytest.raises(InputError) as refused:
        preprocess(build(), {"t1": image(1), "t2": image(1, np.diag([2.0, 1, 1, 1]))})
    assert refused.value.code == "E130"
