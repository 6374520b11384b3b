from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from transmodal import translators
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.plan import plan
from transmodal.volumes.intensity import IntensitySpec, fit

Tiny = Callable[..., Recipe]


def refusal(recipe: Recipe, cohort: Cohort) -> TransmodalError:
    with pytest.raises((UsageError, InputError)) as caught:
        plan(recipe, cohort)
    return caught.value


@pytest.mark.parametrize("translator", ["unet_regression", "pix2pix"])
def test_summary_says_what_is_trained_on_what(tiny: Tiny, cohort: Cohort, translator: str) -> None:
    planned = plan(tiny(translator), cohort)
    summary = planned.summary()
    built = translators.build(translator, planned.config)

    assert json.loads(json.dumps(summary)) == summary
    assert summary["cases"] == {"train": 3, "validation": 2}
    assert summary["phases"] == [
        {
            "name": "train",
            "epochs": 2,
            "parameters": {
                name: sum(one.numel() for one in module.parameters())
                for name, module in built.players("train").items()
            },
        }
    ]


def test_a_plan_travels_and_holds_no_tensor(tiny: Tiny, cohort: Cohort) -> None:
    planned = plan(tiny(), cohort)
    data = pickle.dumps(planned)

    assert len(data) < 50_000
    assert b"torch" not in data
    back = pickle.loads(data)
    assert back.summary() == planned.summary()
    assert back.stream.cases[0].case.volume("t1").grid == planned.stream.cases[0].case.volume("t1").grid


def test_windows_hold_every_training_case_on_every_axis(tiny: Tiny, cohort: Cohort) -> None:
    # (14, 17, 10) voxels: z slices are 14 x 17, x slices 17 x 10; sides are multiples of 4.
    assert plan(tiny(), cohort).stream.cutting.size == (20, 20)
    one = tiny(changes={"windows": {"axes": ["y"]}})
    assert plan(one, cohort).stream.cutting.size == (16, 12)
    coarse = tiny(changes={"data": {"spacing_mm": 4.0}, "windows": {"axes": ["y"]}})
    assert plan(coarse, cohort).stream.cutting.size == (8, 8)
    given = tiny(changes={"windows": {"size": [24, 8]}})
    assert plan(given, cohort).stream.cutting.size == (24, 8)
    for recipe in (tiny(), one, coarse, given):  # validation and translation see what training sees
        planned = plan(recipe, cohort)
        assert planned.preprocessing.cutting == planned.stream.cutting


def test_sides_that_the_translator_cannot_take(tiny: Tiny, cohort: Cohort) -> None:
    error = refusal(tiny(changes={"windows": {"size": [24, 10]}}), cohort)

    assert error.code == "E001"
    assert "multiple of 4" in str(error)


def test_the_target_map_is_the_training_cohorts(tiny: Tiny, cohort: Cohort) -> None:
    recipe = tiny(changes={"task": {"source": ["t1"], "target": "t2"}})
    spec = IntensitySpec("percentile", 0.5, 99.5)
    maps = [fit(spec, case.volume("t2").voxels) for case in cohort.cases("train")]

    planned = plan(recipe, cohort)

    assert planned.preprocessing.target_map.low == np.median([one.low for one in maps])
    assert planned.preprocessing.target_map.high == np.median([one.high for one in maps])
    assert [one.target_map.low for one in planned.stream.cases] == [one.low for one in maps]
    assert plan(tiny(), cohort).preprocessing.target_map.high == 1.0
    own = {"task": {"source": ["t1"], "target": "t2"}, "data": {"intensity": {"t2": {"method": "minmax"}}}}
    assert plan(tiny(changes=own), cohort).preprocessing.target_map.spec.method == "minmax"


def test_the_map_is_in_the_translators_range(tiny: Tiny, cohort: Cohort) -> None:
    for name in ("unet_regression", "pix2pix"):
        planned = plan(tiny(name), cohort)
        built = translators.build(name, planned.config)
        assert planned.preprocessing.target_map.range == built.output_range


@pytest.mark.parametrize(
    ("changes", "training", "code", "words"),
    [
        ({"settings": {"widht": 3}}, {}, "E003", "Did you mean width"),
        ({"settings": {"width": 0}}, {}, "E001", "width"),
        ({"settings": {"spatial_dims": 3}}, {}, "E003", "Leave settings.spatial_dims out"),
        ({"translator": "unet_regresion"}, {}, "E002", "unet_regression"),
        ({}, {"players": {"genarator": {}}}, "E003", "Did you mean training.players.generator"),
        ({}, {"players": {"x": {}}}, "E003", "Leave it out"),
        ({}, {"phases": {"trian": {"epochs": 1}}}, "E003", "Did you mean training.phases.train"),
        (
            {
                "task": {"source": ["t1"], "target": "t2"},
                "data": {"intensity": {"t2": {"method": "zscore"}}},
                "evaluation": {"primary": "psnr"},
            },
            {},
            "E001",
            "no data range for t2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    tiny: Tiny, cohort: Cohort, changes: Mapping[str, Any], training: Mapping[str, Any], code: str, words: str
) -> None:
    error = refusal(tiny(changes=changes, **training), cohort)

    assert error.code == code
    assert words in str(error)


def test_dimensions_that_a_translator_does_not_support(tiny: Tiny, cohort: Cohort) -> None:
    error = refusal(tiny("transunet", changes={"windows": {"kind": "patch", "size": [8, 8, 8]}}), cohort)

    assert error.code == "E004"
    assert "3D" in error.got


def test_planning_draws_no_numbers(tiny: Tiny, cohort: Cohort) -> None:
    before = torch.random.get_rng_state()
    plan(tiny("pix2pix"), cohort)

    assert torch.random.get_rng_state().equal(before)


def test_validation_looks_where_the_target_is_if_the_data_set_gives_no_mask(
    tiny: Tiny, cohort: Cohort, phantom: Callable[..., Any], make_cohort: Callable[..., Cohort]
) -> None:
    without = make_cohort([phantom(n, with_mask=False) for n in range(6)])
    for case in plan(tiny(), without).validation:
        inside = case.mask()
        assert inside is not None
        assert inside[case.volume("fa").voxels > 0.2].mean() > 0.9
        assert 0 < inside.mean() < 1
    for case in plan(tiny(), cohort).validation:
        np.testing.assert_array_equal(case.mask(), cohort.case(case.id).mask())
