"""Numbers, intervals and lists of names are written in one way."""

from __future__ import annotations

import pytest

from transmodal.evaluation.drawing import words
from transmodal.evaluation.drawing.words import number

MINUS = "\N{MINUS SIGN}"


def test_numbers_for_scales() -> None:
    assert [number(v) for v in (0.15, -1000, 1013.4, -0.2)] == ["0.15", f"{MINUS}1000", "1013", f"{MINUS}0.2"]


@pytest.mark.parametrize(
    ("value", "signs", "text"),
    [(-1.25, {}, f"{MINUS}1.2"), (1.25, {}, "1.2"), (1.25, {"plus": "+"}, "+1.2"), (-1.0, {"minus": "&minus;"}, "&minus;1.0")],
)  # fmt: skip
def test_signs_stand_before_the_size(value: float, signs: dict[str, str], text: str) -> None:
    assert words.signed(value, "{:.1f}".format, **signs) == text


def test_intervals_and_spreads() -> None:
    assert words.interval((-1.0, 2.0), number) == f"{MINUS}1 to 2"
    assert words.interval(None, number) == "\N{EN DASH}"
    assert words.interval(None, number, "") == ""
    assert words.spread(1.0, 0.5, number) == "1 ± 0.5"
    assert words.spread(1.0, None, number) == "1"
    assert words.spread(None, None, number) == "\N{EN DASH}"


def test_p_values_are_never_zero() -> None:
    assert [words.p_value(p) for p in (None, 0.0004, 0.001, 0.25)] == [
        "\N{EN DASH}",
        "<0.001",
        "0.001",
        "0.250",
    ]
    assert words.p_value(0.0004, below="&lt; 0.001") == "&lt; 0.001"
    assert words.p_value(None, absent="") == ""


def test_lists_and_sentences() -> None:
    assert [words.enumerated("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert words.sentence("no test") == "No test."
    assert words.sentence("") == ""


def test_figures_of_one_protocol_share_a_line() -> None:
    names = [("inside the mask", "MAE"), ("whole volume", "SSIM"), ("inside the mask", "PSNR")]
    assert words.protocol_lines(names) == ["MAE, PSNR: inside the mask.", "SSIM: whole volume."]
