"""Maps of a training case: each is fitted where the first source is looked at, or the target where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.maps import fit_maps
from transmodal.volumes.intensity import IntensitySpec, fit

Tiny = Callable[..., Recipe]
PERCENTILES = IntensitySpec("percentile", 0.5, 99.5)


@pytest.mark.parametrize(("modalities", "place"), [(("t1", "t2"), "t1"), (("t2",), "t2")])
def test_maps_are_fitted_in_the_region_of_the_first_source_or_of_the_target(
    tiny: Tiny,
    make_cohort: Callable[..., Cohort],
    phantom: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    modalities: tuple[str, ...],
    place: str,
) -> None:
    case = make_cohort([phantom(0, modalities=modalities)], (1, 0, 0)).cases("train")[0]
    regions = dict(zip(("t1", "t2"), np.indices(case.grid.shape)[0] < [[[[5]]], [[[9]]]], strict=True))
    monkeypatch.setattr(PreparedCase, "region", lambda _, modality, kind: regions[modality])

    fitted = fit_maps(case, tiny(changes={"task": {"source": ["t1"], "target": "t2"}}), "unit")

    target, region = case.volume("t2").voxels, regions[place]
    assert fitted.target_map == fit(PERCENTILES, target, region, range="unit")
    assert fitted.target_map != fit(PERCENTILES, target, range="unit")
    expected = fit(PERCENTILES, case.volume("t1").voxels, region) if "t1" in modalities else None
    assert fitted.source_maps == (expected,)


def test_a_case_without_the_target_has_no_map_of_it(tiny: Tiny, cohort: Cohort) -> None:
    fitted = fit_maps(
        cohort.cases("train")[0], tiny(changes={"task": {"source": ["t1"], "target": "ct"}}), "unit"
    )
    assert fitted.target_map is None
    assert fitted.source_maps[0] is not None
