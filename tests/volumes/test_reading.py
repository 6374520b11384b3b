"""Nothing is taken on a user's word unless the user gives it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from transmodal.volumes.reading import STRICT, Reading


def test_by_default_nothing_is_taken_on_a_users_word() -> None:
    assert Reading() == STRICT
    assert STRICT.nonfinite == "refuse"
    assert [getattr(STRICT, field.name) for field in fields(STRICT) if field.name != "nonfinite"] == [
        None
    ] * 4


def test_settings_travel_unchanged_and_are_told_apart() -> None:
    frame = Reading(frame=3)
    assert frame != STRICT
    assert len({frame, Reading(frame=3), STRICT}) == 2
    with pytest.raises(FrozenInstanceError):
        frame.frame = 4  # type: ignore[misc]
