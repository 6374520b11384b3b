"""Suites: what they hold, that none forgets a translator, what is refused before anything is trained."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from transmodal import translators
from transmodal.errors import InputError, UsageError
from transmodal.experiments.benchmark.suite import LIBRARY, Entry, Suite, find_recipes, suite_of
from transmodal.nets.meta import shapes_alone
from transmodal.recipes import load as recipes
from transmodal.recipes.training_schema import Augment

SUITE = "name: mine\nabout: a\nbudget: b\ncohort: c\n"


@pytest.mark.parametrize("name", LIBRARY.names())
def test_every_suite_of_the_library_can_be_resolved(name: str) -> None:
    suite = suite_of(name)
    assert suite.name == name
    hashes = set()
    for entry in suite.entries:
        recipe = suite.resolved(entry, 7)
        assert recipe.training.seed == 7
        derived = {
            "source_channels": (1,) * len(recipe.task.source),
            "target_channels": 3 if recipe.task.target == "colour" else 1,
            "spatial_dims": 3 if recipe.windows.kind == "patch" else 2,
            "slab_depth": recipe.windows.depth,
        }
        with shapes_alone():
            blank = translators.build(recipe.translator, {**recipe.settings, **derived})
        players = {player for phase in blank.phases for player in blank.players(phase)}
        assert set(recipe.training.players) == players, entry
        assert set(recipe.training.phases) <= set(blank.phases), entry
        assert all(side % blank.size_multiple() == 0 for side in recipe.windows.size or ()), entry
        hashes.add(recipe.model_dump_json())
    assert len(hashes) == len(suite.entries), "two entries are the same"


def test_no_translator_is_forgotten() -> None:
    """A new translator brings a recipe `<task>-<name>-small`, which `atlas` or `atlas-colour` finds."""
    smoke = suite_of("atlas-smoke")
    run = {smoke.resolved(entry, 1).translator: smoke.resolved(entry, 1) for entry in smoke.entries}
    assert sorted(run) == translators.names()

    for name, is_colour in (("atlas", False), ("atlas-colour", True)):
        suite = suite_of(name)
        there = {suite.resolved(entry, 1).translator for entry in suite.entries}
        wanted = {one for one, recipe in run.items() if (recipe.task.target == "colour") is is_colour}
        assert wanted <= there, name


def test_one_task_and_one_budget_for_all_of_the_atlas() -> None:
    for name in ("atlas", "atlas-colour"):
        suite = suite_of(name)
        for entry in suite.entries:
            recipe = suite.resolved(entry, 1)
            epochs = recipe.training.epochs + sum(
                recipe.training.epochs_of(phase) for phase in recipe.training.phases
            )
            steps = epochs * (recipe.training.samples_per_epoch or 0) / recipe.training.batch
            is_patch = (
                recipe.windows.kind == "patch"
            )  # whose 448 patches hold what 3200 slices of 64 x 72 hold
            assert (steps, recipe.training.batch) == ((448, 1) if is_patch else (800, 4)), entry
            assert recipe.data.spacing_mm == 3.0


@pytest.mark.parametrize("name", ["mrnet-table2", "mrnet-table3"])
def test_mrnets_baselines_have_mrnets_discriminator(name: str) -> None:
    """As the paper holds it constant: instance norm, least squares, first to step; and no augmentation of one alone."""
    suite, shapes = suite_of(name), set()
    for entry in suite.entries:
        recipe = suite.resolved(entry, 1)
        settings = {**recipe.settings, **({"sam": "none"} if entry == "mrnet" else {})}
        with shapes_alone():
            translator = translators.build(recipe.translator, settings)
        players = translator.players(translator.phases[-1])
        judges = {player: one for player, one in players.items() if "discriminator" in player}
        assert recipe.training.augment == Augment(), entry
        assert getattr(translator.config, "gan", "least_squares") == "least_squares", entry
        assert next(iter(players)) in judges or entry == "cyclegan", entry
        for judge in judges.values():
            kinds = [part for part in judge.modules() if "Norm" in type(part).__name__]
            assert kinds, entry
            assert all(isinstance(part, torch.nn.InstanceNorm2d) for part in kinds), entry
        if entry != "cyclegan":
            (judge,) = judges.values()
            shapes.add(tuple(tuple(one.shape) for one in judge.parameters()))
    assert len(shapes) == 1


def test_recipes_are_found_by_the_preferred_pattern() -> None:
    both = find_recipes(["t1-to-fa-*-small", "t1-to-t2-*-small"])
    assert both["pix2pix"] == "t1-to-fa-pix2pix-small"
    assert both["cyclegan"] == "t1-to-t2-cyclegan-small"
    assert "chromagan" not in both


def test_what_is_found_is_changed_by_its_entry_and_others_are_added(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        SUITE + "every: [t1-to-fa-*-small, t1-to-fa-small]\nentries:\n"
        "  pix2pix: {changes: [training.epochs=9]}\n  twice: {recipe: t1-to-fa-small, note: again}\n"
    )
    suite = suite_of(str(tmp_path / "mine.yaml"))
    assert list(suite.entries) == ["macro2micro", "pix2pix", "unet_regression", "twice"]
    assert suite.resolved("pix2pix", 1).training.epochs == 9
    assert suite.entries["twice"] == Entry(recipe="t1-to-fa-small", note="again")


def test_the_remainder_is_found_behind_the_entries_where_no_entry_trains_it(tmp_path: Path) -> None:
    entries = "entries:\n  regression: {recipe: t1-to-fa-small}\n"
    (tmp_path / "mine.yaml").write_text(
        SUITE + 'remainder: ["t1-to-fa-*small", "t1-to-t2-tcgan-*"]\n' + entries
    )
    suite = suite_of(str(tmp_path / "mine.yaml"))
    assert list(suite.entries) == ["regression", "macro2micro", "pix2pix", "tcgan"]
    assert suite.entries["pix2pix"] == Entry(recipe="t1-to-fa-pix2pix-small")


@pytest.mark.parametrize(
    ("suite", "recipe", "others"),
    [("atlas", "t1-to-t2-new-small", "atlas-colour"), ("atlas-colour", "mr-to-colour-new-small", "atlas")],
)
def test_a_new_translators_small_recipe_is_all_that_the_atlas_needs(
    suite: str, recipe: str, others: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: suite_of(name).entries for name in ("atlas", "atlas-colour", "atlas-smoke")}
    library = shutil.copytree(recipes.LIBRARY, tmp_path / "library")
    small = recipes.dump(recipes.load(recipe.replace("-new", "-pix2pix")))
    (library / f"{recipe}.yaml").write_text(small.replace("translator: pix2pix", "translator: new"))
    monkeypatch.setattr(recipes, "LIBRARY", library)
    names = [*translators.names(), "new"]
    monkeypatch.setattr(translators, "names", lambda: names)
    for name in (suite, "atlas-smoke"):
        assert suite_of(name).entries == {**before[name], "new": Entry(recipe=recipe)}
    assert suite_of(others).entries == before[others]


def test_a_part_of_a_suite() -> None:
    suite = suite_of("atlas")
    part = suite.narrowed(["resvit", "pix2pix"], [4, 5])
    assert (list(part.entries), part.seeds) == (["pix2pix", "resvit"], (4, 5))
    assert suite.narrowed() == suite
    with pytest.raises(UsageError, match="no entry 'pixpix'"):
        suite.narrowed(["pixpix"])
    for seeds in ([1, 1], [-1]):
        with pytest.raises(UsageError, match="seeds"):
            suite.narrowed((), seeds)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("entries: {}", "no entry"),
        ("entries: {a: {}}", "the entry a has no recipe"),
        ("entries: {a: {recipe: t1-to-fa-small}}\nseeds: []", "seeds"),
        ("entries: {A/b: {recipe: t1-to-fa-small}}", "mine.yaml"),
        ("entries: {a: {recipe: t1-to-fa-small, changes: [training.epoch=2]}}", "unknown key training.epoch"),
        (
            "entries: {a: {recipe: t1-to-fa-small}, b: {recipe: t1-to-fa-small, changes: [data.region=body]}}",
            "a sees t1 in the region brain, b t1 in body",
        ),
        ("against: b\nentries: {a: {recipe: t1-to-fa-small}}", "no entry 'b' to hold the others against"),
        ("- a list", "mine.yaml"),
        (
            "entries:\n  a: {recipe: t1-to-fa-small}\n  a: {recipe: t1-to-fa-pix2pix-small}",
            "key 'a' stands twice",
        ),
    ],
)
def test_what_is_no_suite_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text if text.startswith("-") else SUITE + text)
    with pytest.raises(UsageError) as caught:
        suite_of(str(path))
    assert reason in caught.value.line()


def test_a_suite_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="atlas"):
        suite_of("atlass")
    with pytest.raises(InputError, match="does not exist"):
        suite_of("gone.yaml")


def test_a_suite_says_what_it_is_for() -> None:
    for name in LIBRARY.names():
        suite: Suite = suite_of(name)
        assert suite.about
        assert suite.budget
        assert suite.cohort
