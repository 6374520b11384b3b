"""The facts that a logger is told: the recipe as text, what it was trained on, and what it is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from transmodal.checkpoint import CohortMark
from transmodal.notice import INTENDED_USE
from transmodal.recipes.schema import Recipe
from transmodal.training.loggers.logged_run import RunFacts


def test_a_recipe_is_told_by_dotted_keys(tiny: Callable[..., Recipe]) -> None:
    facts = RunFacts(
        "one", Path("loggers"), tiny(epochs=7), CohortMark("phantoms", "ab12", ("patient",), "key")
    )
    settings = facts.settings()
    assert settings["training.epochs"] == "7"
    assert settings["task.target"] == "fa"
    assert settings["settings.width"] == "2"
    assert settings["training.players"] == "{}"
    assert all(isinstance(value, str) for value in settings.values())


def test_marks_of_patients_are_not_told(tiny: Callable[..., Recipe]) -> None:
    facts = RunFacts(
        "one", Path("loggers"), tiny(), CohortMark("phantoms", "ab12", ("mark-of-a-patient",), "key")
    )
    tags = facts.tags()
    assert tags["cohort"] == "phantoms"
    assert tags["intended_use"] == INTENDED_USE
    assert "mark-of-a-patient" not in str(tags) + str(facts.settings())
