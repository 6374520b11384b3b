"""How a planted misalignment is said: of a modality of the task, by a step within bounds, and never beside stored features."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from transmodal.recipes.schema import Recipe

CONTENT: dict[str, Any] = {
    "name": "tiny",
    "translator": "pix2pix",
    "task": {"source": ["t1"], "target": "fa"},
    "training": {"epochs": 1},
}


def recipe_with(**training: object) -> Recipe:
    return Recipe.model_validate({**CONTENT, "training": {"epochs": 1, **training}})


def test_nothing_is_planted_by_default() -> None:
    assert recipe_with().training.misalignment is None


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({"misalignment": {"modality": "t2", "step": 3}}, "moves t2, which is not of the task: t1, fa"),
        ({"misalignment": {"modality": "fa"}}, "step"),
        ({"misalignment": {"modality": "fa", "step": 16}}, "less than or equal to 15"),
        ({"misalignment": {"modality": "fa", "step": 3}, "store_features": True}, "misalignment moves them"),
    ],
)
def test_what_cannot_be_is_refused(training: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        recipe_with(**training)
