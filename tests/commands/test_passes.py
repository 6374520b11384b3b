"""Passes in words: axes in any spelling, and nothing where nothing is said."""

from __future__ import annotations

from transmodal.commands import _passes
from transmodal.commands._passes import Fusing, Normalising
from transmodal.inference.passes import BY_RECIPE


def test_axes_are_letters_between_commas_or_a_list() -> None:
    assert _passes.letters("x,y") == _passes.letters(["x", "y"]) == ("x", "y")
    assert _passes.letters("") is None
    assert _passes.letters(()) is None


def test_nothing_said_leaves_the_recipes_passes() -> None:
    assert _passes.of("", None, 1, None) == BY_RECIPE


def test_every_word_has_its_pass() -> None:
    passes = _passes.of("z", Fusing.MEDIAN, 3, Normalising.RUNNING)
    assert passes == (("z",), "median", 3, "running")
    assert all(type(word) is str for word in (passes.fuse, passes.translate_with))
