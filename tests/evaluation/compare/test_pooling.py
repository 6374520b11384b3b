"""Trainings that differ in their seed alone are one row, and every row has a name of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from transmodal.evaluation.compare.compare import Comparison, compare
from transmodal.evaluation.provenance import ANOTHER_PROGRAM, ORIGIN

Maker = Any


def test_trainings_that_differ_in_their_seed_are_one_row(make: Maker) -> None:
    rng = np.random.default_rng(0)
    runs = [
        make(
            f"seed-{n}",
            {"unet": list(rng.normal(make.good, 1))},
            {"unet": make.record(n, training_seconds=60.0 * n)},
        )
        for n in (1, 2, 3)
    ]
    comparison = compare([*runs, make.pair()[1]])
    rows = _by_name(comparison)
    assert (rows["unet"].trainings, rows["unet"].seeds) == (3, (1, 2, 3))
    assert rows["unet"].description.n == 8
    assert rows["unet"].training_seconds == pytest.approx(120)
    assert "patients and seeds" in comparison.method
    assert any(note.startswith("One training each: pix2pix.") for note in comparison.notes)
    assert any(note == "Training time not recorded: pix2pix." for note in comparison.notes)


@pytest.mark.parametrize(
    "other", [{"recipe_sha256": "b" * 64}, {"without": ["t2"]}, {"seed": 1}, {"recipe_sha256": None}]
)
def test_other_trainings_stay_apart(make: Maker, other: dict[str, Any]) -> None:
    runs = [
        make("one", {"unet": make.good}, {"unet": make.record(1)}),
        make("two", {"unet": make.bad}, {"unet": {**make.record(2), **other}}),
    ]
    names = [one.name for one in compare(runs).rows]
    assert len(set(names)) == 2
    assert all(one.trainings == 1 for one in compare(runs).rows)


def test_rows_of_one_name_are_told_apart_by_translator_recipe_or_folder(make: Maker) -> None:
    first = make("one", {"run": make.good}, {"run": make.record()})
    by_translator = make(
        "two", {"run": make.bad}, {"run": make.record(recipe_sha256="b" * 64, translator="pix2pix")}
    )
    assert {one.name for one in compare([first, by_translator]).rows} == {"unet", "pix2pix"}
    by_recipe = make("three", {"run": make.bad}, {"run": make.record(recipe_sha256="c" * 64, recipe="other")})
    assert {one.name for one in compare([first, by_recipe]).rows} == {"mr-to-ct", "other"}
    by_folder = make("four", {"run": make.bad}, {"run": make.record(recipe_sha256="e" * 64, without=["t2"])})
    again = make("x/four", {"run": make.bad}, {"run": make.record(recipe_sha256="f" * 64, without=["t2"])})
    names = {one.name for one in compare([first, by_folder, again]).rows}
    assert len(names) == 3
    assert "mr-to-ct" in names  # which nothing else is called
    assert all("four" in name for name in names - {"mr-to-ct"})


def test_volumes_of_another_program_have_no_known_training(make: Maker) -> None:
    theirs = make("theirs", {"sct": make.bad}, {"sct": {ORIGIN: ANOTHER_PROGRAM}})
    comparison = compare([make.pair()[0], theirs])
    rows = _by_name(comparison)
    assert (rows["unet"].trainings, rows["sct"].trainings) == (1, 0)
    assert any(note.startswith("One training each: unet.") for note in comparison.notes)


def test_an_oracle_of_several_evaluations_is_one_row_where_its_figures_are_the_same(make: Maker) -> None:
    runs = [
        make(
            name,
            {name: make.good, "lookup": lookup},
            {name: make.record(recipe_sha256=name)},
            oracles=["lookup"],
        )
        for name, lookup in (("a", make.bad), ("b", make.bad), ("c", [value + 1 for value in make.bad]))
    ]
    assert [one.name for one in compare(runs[:2]).rows] == ["a", "b", "lookup"]
    assert {one.name for one in compare(runs).rows} == {"a", "b", "c", "lookup (a)", "lookup (c)"}


def test_what_networks_started_from_is_said_and_keeps_trainings_apart(make: Maker) -> None:
    """Trainings of one recipe that started from different files are no repetitions of one another."""
    scratch, one, two = ({"backbone": start} for start in ("from scratch", "1" * 64, "2" * 64))
    comparison = compare(
        [
            make("old", {"resvit": make.good}, {"resvit": make.record(1)}),
            make("new", {"resvit": make.good}, {"resvit": make.record(2, starting_weights=scratch)}),
            make("first", {"first": make.bad}, {"first": make.record(1, starting_weights=one)}),
            make("second", {"second": make.bad}, {"second": make.record(2, starting_weights=two)}),
            make(
                "plain",
                {"pix2pix": make.bad},
                {"pix2pix": make.record(recipe_sha256="b" * 64, starting_weights={})},
            ),
        ]
    )
    rows = {standing.name: standing.seeds for standing in comparison.rows}
    assert rows == {"resvit": (1, 2), "first": (1,), "second": (2,), "pix2pix": (1,)}
    assert "From scratch, where the paper starts from published weights: resvit." in comparison.notes
    said = "Started from published weights: first (SHA-256 111111111111), second (SHA-256 222222222222)."
    assert said in comparison.notes
    assert not any(
        "published" in note for note in compare([make("alone", {"p": make.good}, {"p": make.record()})]).notes
    )


def _by_name(comparison: Comparison) -> dict[str, Any]:
    return {one.name: one for one in comparison.rows}
