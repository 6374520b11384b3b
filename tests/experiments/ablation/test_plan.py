"""Plans of ablations: those of the package, and what is no plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal import translators
from transmodal.errors import InputError, UsageError
from transmodal.experiments.ablation.plan import LIBRARY, plan_of


def test_studies_that_come_with_the_package_can_be_resolved() -> None:
    assert LIBRARY.names()
    for name in LIBRARY.names():
        plan = plan_of(name)
        assert plan.name == name
        resolved = {variant: plan.resolved(variant, 7) for variant in plan.variants}
        assert all(recipe.training.seed == 7 for recipe in resolved.values())
        texts = {recipe.model_dump_json() for recipe in resolved.values()}
        assert len(texts) == len(resolved), "two variants are the same"


def test_what_is_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no study 'nothing'"):
        plan_of("nothing")
    with pytest.raises(InputError, match="does not exist"):
        plan_of(str(tmp_path / "gone.yaml"))
    (tmp_path / "bad.yaml").write_text("name: x\nvariants: {}\n")
    with pytest.raises(UsageError, match=r"bad\.yaml"):
        plan_of(str(tmp_path / "bad.yaml"))
    (tmp_path / "typo.yaml").write_text(
        "name: x\nrecipe: t1-to-fa-small\nvariants: {a: {changes: [training.epoch=2]}}\n"
    )
    with pytest.raises(UsageError, match="unknown key training"):
        plan_of(str(tmp_path / "typo.yaml"))


def test_a_variant_is_held_against_another_that_there_is(tmp_path: Path) -> None:
    text = "name: x\nrecipe: t1-to-fa-small\nvariants: {{a: {{}}, b: {{changes: [training.epochs=2], against: {}}}}}\n"
    (tmp_path / "good.yaml").write_text(text.format("a"))
    assert plan_of(str(tmp_path / "good.yaml")).variants["b"].against == "a"
    for odd in ("b", "c"):
        (tmp_path / "odd.yaml").write_text(text.format(odd))
        with pytest.raises(UsageError, match=f"b against {odd}: name another variant"):
            plan_of(str(tmp_path / "odd.yaml"))


def test_every_stage_is_left_out_and_left_alone() -> None:
    plan = plan_of("mrnet-fusion")
    levels = {tuple(plan.resolved(variant, 1).settings.get("sam_levels") or ()) for variant in plan.variants}
    stages = range(1, plan.resolved("all stages", 1).settings["levels"] + 1)
    alone = {(stage,) for stage in stages}
    left_out = {tuple(other for other in stages if other != stage) for stage in stages}
    assert levels == {(), *alone, *left_out}


def test_every_resolution_is_tested_with_and_without_the_multiscale_input() -> None:
    plan = plan_of("colorization-resolution")
    for side in (256, 128, 64):
        single = plan.variants[f"{side} without multiscale input"]
        assert single.against == str(side)
        with_it, without = (
            plan.resolved(name, 1) for name in (str(side), f"{side} without multiscale input")
        )
        assert with_it.windows == without.windows
        assert with_it.windows.size == (side, side)
        assert (with_it.settings.get("multiscale", True), without.settings["multiscale"]) == (True, False)


def test_a_plan_is_changed_for_all_its_variants() -> None:
    plan = plan_of("mrnet-masks")
    small = plan.changed(["data.spacing_mm=4.0", "training.epochs=1", "settings.masks=5"], [7, 8])
    assert small.seeds == (7, 8)
    assert small.changes.count("data.spacing_mm=4.0") == 1
    assert "data.spacing_mm=3.0" not in small.changes
    recipes = {variant: small.resolved(variant, 7) for variant in small.variants}
    assert {recipe.data.spacing_mm for recipe in recipes.values()} == {4.0}
    assert {recipe.training.epochs for recipe in recipes.values()} == {1}
    assert recipes["two masks"].settings["masks"] == 5
    assert recipes["one mask"].settings["masks"] == 1, "a variant is what its name says"
    assert plan.changed((), ()) == plan
    with pytest.raises(UsageError, match="unknown key training"):
        plan.changed(["training.epoch=1"], ())
    with pytest.raises(UsageError, match=r"seeds \[1, 1\]"):
        plan.changed((), [1, 1])


def test_every_reduction_of_channels_leaves_another_number() -> None:
    plan = plan_of("colorization-se")
    recipes = [plan.resolved(variant, 1) for variant in plan.variants]
    squeezed = [recipe for recipe in recipes if recipe.settings.get("squeeze", True)]
    assert len(squeezed) == len(recipes) - 1
    counts = [
        sum(
            parameter.numel()
            for name, parameter in translators.build(recipe.translator, recipe.settings).named_parameters()
            if "squeeze" in name or "excite" in name
        )
        for recipe in squeezed
    ]
    assert counts == sorted(set(counts))


def test_segmentations_are_damaged_in_every_way_and_left_out() -> None:
    plan = plan_of("colorization-labels")
    recipes = [plan.resolved(variant, 1) for variant in plan.variants]
    damages = [recipe.training.mislabelling for recipe in recipes]
    assert [None if damage is None else damage.kind for damage in damages] == [
        *(None, "swap", "swap", "erode", "dilate", "shift", None)
    ]
    assert [recipe.settings.get("segmentation_weight", 1) for recipe in recipes] == [*(1,) * 6, 0]
