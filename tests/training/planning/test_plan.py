from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from transmodal import translators
from transmodal.cohorts.layouts import slices
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.recipes.load import load
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.plan import plan
from transmodal.translators.unet_regression.translator import UNetRegression
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


def test_grey_in_one_case_and_colour_in_another(tiny: Tiny, cohort: Cohort) -> None:
    odd = cohort.split.train[1]
    cases = tuple(
        case.model_copy(
            update={
                "volumes": {
                    **case.volumes,
                    "fa": case.volumes["fa"].model_copy(update={"shape": (14, 17, 10, 3)}),
                }
            }
        )
        if case.id == odd
        else case
        for case in cohort.manifest.cases
    )
    error = refusal(
        tiny(), Cohort(cohort.folder, cohort.manifest.model_copy(update={"cases": cases}), cohort.split)
    )

    assert error.code == "E122"
    assert odd in error.got


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


def test_a_missing_modality_is_named_with_what_there_is(tiny: Tiny, cohort: Cohort) -> None:
    error = refusal(tiny(changes={"task": {"source": ["t1"], "target": "ct"}}), cohort)

    assert error.code == "E131"
    assert "fa, t1, t2, no ct" in error.got
    assert "Prepare the cohort with ct" in error.remedy


def test_a_missing_region_is_named(tiny: Tiny, cohort: Cohort) -> None:
    error = refusal(tiny(changes={"data": {"region": "brain"}}), cohort)

    assert error.code == "E131"
    assert "t1=brain" in error.remedy


@pytest.mark.parametrize("need", ["mask", "segmentation"])
def test_a_missing_need_is_named(
    tiny: Tiny,
    make_cohort: Callable[..., Cohort],
    phantom: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    need: str,
) -> None:
    bare = make_cohort([phantom(n, with_mask=False) for n in range(6)])
    plan(tiny(), bare)
    monkeypatch.setattr(UNetRegression, "needs", frozenset({"target", need}))

    error = refusal(tiny(), bare)
    assert error.code == "E131"
    assert f"without {need}" in error.got


def test_splits_that_are_too_small(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    blind = make_cohort([phantom(n) for n in range(2)], (1, 0, 1))
    none = Cohort(blind.folder, blind.manifest, blind.split.model_copy(update={"train": ()}))
    assert refusal(tiny(), none).code == "E132"
    assert plan(tiny(), blind).validation == ()
    error = refusal(tiny(early_stopping={"patience": 1}), blind)
    assert error.code == "E132"
    assert "early_stopping" in error.got


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
    error = refusal(tiny("pix2pix", changes={"windows": {"kind": "patch", "size": [8, 8, 8]}}), cohort)

    assert error.code == "E004"
    assert "3D" in error.got


def test_planning_draws_no_numbers(tiny: Tiny, cohort: Cohort) -> None:
    before = torch.random.get_rng_state()
    plan(tiny("pix2pix"), cohort)

    assert torch.random.get_rng_state().equal(before)


def test_optimisers_of_players_that_are_all_gone_are_refused(tiny: Tiny, cohort: Cohort) -> None:
    own = {"generators": {"lr": 1e-4}}
    alone = {"settings": {"width": 4, "blocks": 1, "objective": "cgan"}}
    error = refusal(tiny("cyclegan", changes=alone, players=own), cohort)
    assert error.code == "E003"
    assert "generators" in str(error)
    assert "generator, discriminator" in str(error)
    assert set(plan(tiny("cyclegan", changes=alone), cohort).phases[0].players) == {
        "generator",
        "discriminator",
    }


def test_a_player_that_a_setting_switches_off_may_keep_its_optimiser(cohort: Cohort) -> None:
    changes = ["settings={width: 32, discriminator_width: 4, discriminator_levels: 2, perceptual_weight: 0}"]
    changes += ["data.region=whole", "data.spacing_mm=null", "windows.size=[16, 16]"]
    changes += ["windows.min_foreground=0"]
    whole = load("t1-to-fa-macro2micro-small", changes)
    without = load("t1-to-fa-macro2micro-small", [*changes, "settings.patch_weight=0"])
    assert "patch_discriminator" in plan(whole, cohort).phases[0].players
    assert "patch_discriminator" not in plan(without, cohort).phases[0].players
    with pytest.raises(UsageError, match="patch_discriminator"):
        plan(load("t1-to-fa-macro2micro-small", [*changes, "training.players.patch={lr: 0.1}"]), cohort)


def test_patients_without_pairs_train_what_learns_without_pairs(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    """Cases of one modality each: sources come from some, targets from others, and nothing can be validated."""
    cases = [phantom(n, modalities=("t1",) if n % 2 else ("fa",)) for n in range(6)]
    cohort = make_cohort(cases, (6, 0, 0))
    settings = {"width": 4, "blocks": 1}
    planned = plan(tiny("cyclegan", changes={"settings": settings}), cohort)

    assert {one.case.id for one in planned.stream.cases} == {"case1", "case3", "case5"}
    assert {one.case.id for one in planned.stream.target_cases} == {"case0", "case2", "case4"}
    assert planned.validation == ()
    assert planned.preprocessing.target_map.low == 0.0  # FA's window, from cases without T1
    assert len(planned.cohort.patients) == 6
    assert refusal(tiny("pix2pix"), cohort).code == "E131"


def test_pairs_beside_patients_without(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    """A case with both gives both, and is validated; one without either is refused by name."""
    alone = [phantom(n, modalities=("t1",)) for n in range(2)]
    cohort = make_cohort([*alone, *(phantom(n) for n in range(2, 8))], (5, 3, 0))
    whole = {case.id for case in cohort.cases() if "fa" in case.modalities}
    training = {case.id for case in cohort.cases("train")}
    planned = plan(tiny("cyclegan", changes={"settings": {"width": 4, "blocks": 1}}), cohort)

    assert {one.case.id for one in planned.stream.cases} == training
    assert {case.id for case in planned.validation} == whole - training
    assert planned.validation
    if training <= whole:
        assert planned.stream.target_cases == ()
    else:
        assert {one.case.id for one in planned.stream.target_cases} == training & whole


def test_a_case_with_neither_is_named(
    tiny: Tiny, make_cohort: Callable[..., Cohort], phantom: Callable[..., Any]
) -> None:
    cohort = make_cohort([phantom(n, modalities=("t1",) if n else ("t2",)) for n in range(3)], (3, 0, 0))
    error = refusal(tiny("cyclegan", changes={"settings": {"width": 4, "blocks": 1}}), cohort)
    assert error.code == "E131"
    assert "case case0 has t2, no t1 or fa" in str(error)


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


@pytest.mark.parametrize(
    ("said", "spacing_mm", "is_refused"),
    [((), 2.0, True), ((), None, False), ((), 1.0, False), (("2", "4"), 4.0, False), (("1",), 2.0, False)],
)
def test_pictures_are_not_resampled_by_a_spacing_that_nobody_said(
    said: tuple[str, ...], spacing_mm: float | None, is_refused: bool, tiny: Tiny, tmp_path: Path
) -> None:
    """18 pictures became 9 slices, since 1 mm was assumed and the recipe asked for 2."""
    for place in ("trainA", "trainB"):
        (tmp_path / place).mkdir()
        for patient, n in (("p", 18), ("q", 18)):
            for number in range(n):
                pixels = np.random.default_rng([number, ord(patient), ord(place[-1])]).random((8, 10))
                np.save(tmp_path / place / f"{patient}1_{number}.npy", pixels.astype(np.float32))
    cases = slices.find(tmp_path, slices.Options(a="t1", b="fa", spacing_mm=said)).cases
    sides = {cases[0].id: "train", cases[1].id: "validation"}
    cohort = prepare(cases, tmp_path / "cohort", sides=sides)
    recipe = tiny(changes={"data": {"spacing_mm": spacing_mm}, "windows": {"axes": ["z"]}})
    if not is_refused:
        plan(recipe, cohort)
        return
    error = refusal(recipe, cohort)
    assert error.code == "E004"
    assert "10 x 8 x 18 voxels of" in error.got
    assert "would become 5 x 4 x 9" in error.got
    assert "--with spacing_mm=WITHIN,BETWEEN" in error.remedy
    assert "--set data.spacing_mm=null" in error.remedy
