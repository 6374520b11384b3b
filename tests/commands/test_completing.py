"""Words that a shell completes: recipes by their beginning."""

from __future__ import annotations

import os
import subprocess
import sys

from transmodal.commands._completing import recipe_names
from transmodal.recipes import load


def test_recipes_are_completed_by_their_beginning() -> None:
    assert recipe_names("") == sorted(load.names())
    assert recipe_names("t1-to-fa-s") == ["t1-to-fa-small"]
    assert recipe_names("*") == []


def test_shells_complete_verbs_and_recipes() -> None:
    def completed(words: str, number: int) -> list[str]:
        names = {"_TRANSMODAL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        done = subprocess.run(
            [sys.executable, "-m", "transmodal"], env={**os.environ, **names}, capture_output=True, text=True
        )
        return done.stdout.split()

    assert completed("transmodal tr", 1) == ["train", "translate", "translators"]
    assert completed("transmodal train t1-to-fa-s", 2) == ["t1-to-fa-small"]
