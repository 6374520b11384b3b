"""Parts of a recipe are frozen, and say in words how names are spelled."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import ValidationError

from transmodal.recipes.parts import Modality, Part, spelled


class Source(Part):
    modality: Modality = "t1"
    weight: float = 1.0
    code: Annotated[str, spelled(r"[A-Z]{2}", "two capitals")] = "AB"


def test_a_part_does_not_change() -> None:
    part = Source(modality="t1_post2", code="XY")
    with pytest.raises(ValidationError, match="frozen"):
        part.weight = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"modality": "T1"}, "small letters, digits and _, a letter first"),
        ({"modality": "1t"}, "small letters"),
        ({"modality": "größe"}, "small letters"),
        ({"modality": "t1\n"}, "small letters"),
        ({"code": "ABC"}, "two capitals"),
        ({"weight": float("inf")}, "finite"),
        ({"weigth": 1.0}, "weigth"),
    ],
)
def test_what_is_spelled_otherwise_is_refused_in_words(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Source.model_validate(settings)
