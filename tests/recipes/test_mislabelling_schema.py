"""How wrong segmentations are said: a kind, a step within its bounds, and nothing by default."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from transmodal.recipes.load import load
from transmodal.recipes.mislabelling_schema import PlantedMislabelling

RECIPE = "mr-to-colour-colorization-small"


def test_nothing_is_planted_by_default_and_words_plant_it() -> None:
    assert load(RECIPE).training.mislabelling is None
    words = ["training.mislabelling.kind=swap", "training.mislabelling.step=50"]
    assert load(RECIPE, words).training.mislabelling == PlantedMislabelling(kind="swap", step=50)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"kind": "swap", "step": 101}, "less than or equal to 100"),
        ({"kind": "erode", "step": 16}, "erode by 16 voxels: 15 at most"),
        ({"kind": "shift", "step": 0}, "greater than 0"),
        ({"kind": "blur", "step": 1}, "'swap', 'erode', 'dilate' or 'shift'"),
    ],
)
def test_what_cannot_be_is_refused(content: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PlantedMislabelling.model_validate(content)
