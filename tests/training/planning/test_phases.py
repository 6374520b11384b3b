"""Phases and players: those of the settings, and those that a recipe may name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.recipes.load import load
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.plan import plan

Tiny = Callable[..., Recipe]


def refusal(recipe: Recipe, cohort: Cohort) -> TransmodalError:
    with pytest.raises((UsageError, InputError)) as caught:
        plan(recipe, cohort)
    return caught.value


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


def test_a_registration_head_is_one_more_player(tiny: Tiny, cohort: Cohort) -> None:
    recipe = tiny(alignment={"registration": {}}, players={"registration": {"lr": 1e-3}})
    (phase,) = plan(recipe, cohort).phases
    assert list(phase.players) == ["generator", "registration"]
    assert phase.players["registration"] > 0
    with pytest.raises(UsageError, match=r"training\.players\.registration"):
        plan(tiny(players={"registration": {"lr": 1e-3}}), cohort)
