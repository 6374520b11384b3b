"""Numbers, intervals and lists of names are written in one way."""

from __future__ import annotations

from transmodal.evaluation.drawing.figures import (
    label,
    number,
)


def test_numbers_for_scales() -> None:
    assert [number(v) for v in (0.15, -1000, 1013.4, -0.2)] == [
        "0.15",
        "\N{MINUS SIGN}1000",
        "1013",
        "\N{MINUS SIGN}0.2",
    ]
    assert [label(name) for name in ("t1", "flair", "colour")] == ["T1", "FLAIR", "colour"]
