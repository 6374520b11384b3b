"""Passes in words: axes in any spelling, and nothing where nothing is said."""

from __future__ import annotations

from transmodal.commands import _passes
from transmodal.commands._passes import PassWords
from transmodal.inference.passes import BY_RECIPE


def test_axes_are_letters_between_commas_or_a_list() -> None:
    assert _passes.letters("x,y") == _passes.letters(["x", "y"]) == ("x", "y")
    assert _passes.letters("") is None
    assert _passes.letters(()) is None


def test_nothing_said_leaves_the_recipes_passes() -> None:
    assert PassWords().passes() == BY_RECIPE


def test_every_word_has_its_pass() -> None:
    words = PassWords("z", "median", 3, "running", "x,y")
    assert words.passes() == (("z",), "median", 3, "running", ("x", "y"))
