"""Counts of complete work, and the time that the rest may take."""

from __future__ import annotations

import pytest

from transmodal.experiments.counting import Counter, Remaining


class Noted:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int, str]] = []

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        self.calls.append((stage, completed, total, note))


def test_items_are_counted_one_by_one() -> None:
    progress = Noted()
    count = Counter(progress, "train", 3)  # type: ignore[arg-type]  # a fake
    count(object(), object())
    count.advance("about 2 min left")
    assert progress.calls == [("train", 1, 3, ""), ("train", 2, 3, "about 2 min left")]
    Counter(None, "train", 1).advance()


def test_what_remains_takes_as_long_as_its_row_took() -> None:
    keys = [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    remaining = Remaining(keys, workers=2)
    assert remaining.note() == ""
    remaining.complete(("a", 1), 600.0)
    assert (
        remaining.note() == "about 15 min left"
    )  # one of a row that is known, two that are taken to be as long
    remaining.complete(("b", 1), 60.0)
    assert remaining.note() == "about 6 min left"  # (600 + 60) / 2 seconds
    remaining.complete(("a", 2), None)
    assert remaining.note() == "about 1 min left"
    remaining.complete(("b", 2), 60.0)
    assert remaining.note() == ""


@pytest.mark.parametrize("seconds", [0.1, 20.0])
def test_less_than_a_minute_is_a_minute(seconds: float) -> None:
    remaining = Remaining([("a", 1), ("a", 2)], workers=1)
    remaining.complete(("a", 1), seconds)
    assert remaining.note() == "about 1 min left"
