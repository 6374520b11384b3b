"""The notice that every synthetic volume carries says what it is not for."""

from __future__ import annotations

from transmodal.notice import FROM_SCRATCH, INTENDED_USE


def test_the_notice_is_two_plain_sentences() -> None:
    assert INTENDED_USE.startswith("Not a medical device.")
    assert "not for diagnosis" in INTENDED_USE
    assert "\n" not in INTENDED_USE
    assert FROM_SCRATCH == "from scratch"  # stands in checkpoints
