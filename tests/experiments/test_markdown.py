"""Lines of tables, and the commit that made them."""

from __future__ import annotations

import pytest

from transmodal.experiments.markdown import line, made_at


def test_cells_stand_between_bars() -> None:
    assert line(["a", "", "3.5"]) == "| a |  | 3.5 |"
    assert line(["a"]) == "| a |"


@pytest.mark.parametrize(
    ("commit", "words"),
    [
        ("0123456789abcdef", " at commit `0123456789ab`"),
        ("0123456789abcdef-dirty", " at commit `0123456789ab-dirty`"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_commit_is_short_and_says_whether_it_was_changed(commit: str | None, words: str) -> None:
    assert made_at(commit) == words
