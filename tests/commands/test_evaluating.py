"""Evaluating in words: folders of runs, places of evaluations, and splits without pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

import transmodal
from transmodal.cohorts.store import Cohort
from transmodal.commands._evaluating import folder_for, lacks_pairs, runs_of
from transmodal.errors import UsageError


def test_runs_are_one_several_or_named() -> None:
    assert runs_of("runs/a") == [Path("runs/a")]
    assert runs_of(["runs/a", Path("b")]) == [Path("runs/a"), Path("b")]
    assert runs_of({"A": "runs/a"}) == {"A": Path("runs/a")}
    with pytest.raises(UsageError, match="no run") as refused:
        runs_of([])
    assert refused.value.code == "E004"


def test_an_evaluation_lies_in_its_run_unless_it_is_said(folders: Path) -> None:
    cohort = Cohort.open(folders / "cohort")
    assert folder_for([folders / "run"], cohort, "elsewhere") == Path("elsewhere")
    assert folder_for([folders / "run"], cohort, None).parent == folders / "run"
    with pytest.raises(UsageError, match="--predictions without -o"):
        folder_for([], cohort, None)


def test_pairs_are_looked_for_in_the_cohort(folders: Path) -> None:
    assert not lacks_pairs(folders / "run", "cohort", "test")
    recipe = folders / "run" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("target: fa", "target: ct"))
    assert lacks_pairs(folders / "run", "cohort", "test")
    assert not lacks_pairs(folders / "run", "cohort", "all")
    with pytest.raises(UsageError, match="no case of which has a pair") as refused:
        transmodal.evaluate("run", "cohort", oracles="none")
    assert refused.value.code == "E004"
