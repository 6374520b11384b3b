"""A translator's settings follow from the cohort and the windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transmodal.cohorts.store import Cohort
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.plan import plan

Tiny = Callable[..., Recipe]


def test_channels_and_dimensions_follow_from_cohort_and_windows(tiny: Tiny, cohort: Cohort) -> None:
    task = {"source": ["t1", "t2"], "target": "fa"}
    slab = plan(tiny(changes={"task": task, "windows": {"kind": "slab", "depth": 3}}), cohort)
    patch = plan(tiny(changes={"windows": {"kind": "patch", "size": [8, 8, 12]}}), cohort)

    assert (slab.config["source_channels"], slab.config["slab_depth"]) == ([1, 1], 3)
    assert (slab.config["spatial_dims"], patch.config["spatial_dims"]) == (2, 3)
    assert patch.stream.cutting.size == (8, 8, 12)


def test_colour_has_three_channels(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    changes = {"task": {"source": ["t1"], "target": "colour"}}
    cases = [phantom(n, colour=True) for n in range(6)]
    assert plan(tiny(changes=changes), make_cohort(cases)).config["target_channels"] == 3
