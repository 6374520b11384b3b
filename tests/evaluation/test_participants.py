"""Participants say where their training windows are exceeded."""

from __future__ import annotations

from typing import Any

import pytest

from small_models import PATCHES, cases, model
from transmodal.evaluation.participants import ModelTranslator, exceeds_training_window


def test_cases_whose_slices_need_larger_windows_are_counted() -> None:
    """A grid of 1 mm is seen at 2 mm: 34 voxels need 17, and windows of 20."""
    fits, larger = (32, 24, 90), (34, 20, 10)
    one = ModelTranslator("slices", model({"axes": ["z"]}))
    (note,) = exceeds_training_window([one], cases(fits, larger, fits))
    assert note.startswith("slices: slices of 1 of 3 cases are larger than its windows in training, 16 x 12")
    assert exceeds_training_window([one], cases(fits)) == []
    across = ModelTranslator("x", model({"axes": ["z"]}).with_axes(("x",)))
    assert len(exceeds_training_window([across], cases(fits))) == 1  # 12 x 45


@pytest.mark.parametrize(
    ("windows", "learned"),
    [({"axes": ["z"], "size": [8, 8]}, (16, 12)), (PATCHES, None), ({"axes": ["z"]}, None)],
    ids=["the recipe crops", "patches", "not known"],
)
def test_nothing_is_said_where_windows_did_not_follow_from_the_cases(
    windows: dict[str, Any], learned: tuple[int, int] | None
) -> None:
    assert (
        exceeds_training_window([ModelTranslator("one", model(windows, learned))], cases((80, 80, 80))) == []
    )
