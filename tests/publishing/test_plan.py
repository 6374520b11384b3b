from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import small_pages
from transmodal.inference.model import Model
from transmodal.publishing.network import PageGraph, Probe
from transmodal.publishing.plan import build_plan, title_of
from transmodal.publishing.runtime import Runtime
from transmodal.volumes.intensity import IntensitySpec

PROBE = Probe(np.zeros((1, 1, 2, 2), np.float32), np.ones((1, 1, 2, 2), np.float32))


def plan_of(model: Model) -> dict[str, Any]:
    return build_plan(model, PageGraph(b"", (16, 32), PROBE), None, Runtime("a runtime", {}))


def test_the_scripts_are_told_what_the_library_does() -> None:
    model = small_pages.model(
        data={"region": "brain", "spacing_mm": 2.0},
        windows={"kind": "slab", "axes": ["x", "z"], "depth": 3},
        target="ct",
        target_map=IntensitySpec("window", -1024, 1000),
        learned=(48, 32),
    )
    plan = plan_of(model)
    assert plan["sources"] == [
        {
            "name": "t1",
            "label": "T1",
            "is_hounsfield": False,
            "intensity": {"method": "percentile", "low": 0.5, "high": 99.5},
        }
    ]
    assert (plan["axes"], plan["spacing_mm"], plan["sides"]) == ([0, 2], 2.0, [16, 32])
    assert plan["cutting"] == {
        "size": [48, 32],
        "fit": "pad",
        "depth": 3,
        "multiple": model.preprocessing.cutting.multiple,
    }
    target = plan["target"]
    assert (target["label"], target["unit"], target["storage"], target["fill"]) == (
        "CT",
        "HU",
        "int16",
        -1024,
    )
    assert target["bounds"] == [-1024, 1000]
    names = [window["name"] for window in target["windows"]]
    assert names[-1] == "range of training"
    assert {"brain", "bone", "lung"} <= set(names)
    assert title_of(model) == "T1 to CT"


def test_values_in_another_unit_are_shown_and_stored_in_theirs() -> None:
    model = small_pages.model(target="ct", target_map=IntensitySpec("percentile", 0, 100))
    model.preprocessing.units["ct"] = "grey level"  # type: ignore[index]  # a dict underneath
    target = plan_of(model)["target"]
    assert (target["unit"], target["storage"]) == ("grey level", "float32")


@pytest.mark.parametrize(
    ("region", "kinds"), [("whole", ["whole"]), ("around_brain", ["file", "nonzero", "whole"])]
)
def test_whatever_replaces_the_region_says_that_it_differs(region: str, kinds: list[str]) -> None:
    regions = plan_of(small_pages.model(data={"region": region}))["regions"]
    assert [choice["kind"] for choice in regions] == kinds
    assert all(("around brain" in choice["difference"]) == (region != "whole") for choice in regions)


def test_the_page_says_what_it_leaves_out_and_whose_it_is() -> None:
    about = dict(plan_of(small_pages.model())["about"])
    assert about["run"] == "tiny, unet_regression"
    assert about["weights"] == f"SHA-256 {'0' * 64}"
    assert "No gate" in about["not here"]
