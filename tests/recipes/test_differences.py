"""In which keys two recipes differ."""

from __future__ import annotations

from transmodal.recipes.differences import changes_of, differing_keys
from transmodal.recipes.load import changed, load


def test_keys_that_differ_or_are_on_one_side_alone() -> None:
    first = {"a": 1, "b": {"c": [1, 2], "d": None}, "e": {"f": 1}}
    second = {"a": 1, "b": {"c": [1, 3], "d": None}, "e": 1, "g": 2}
    assert differing_keys(first, second) == ["b.c", "e", "g"]
    assert differing_keys(first, first) == []
    assert differing_keys(1, 2) == ["everything"]


def test_changes_make_a_recipe_of_its_base() -> None:
    base = load("t1-to-t2-pix2pix-small")
    words = ["windows.plane_channels=true", "windows.axes=[x, z]"]
    recipe = changed(base, [*words, "training.seed=7"])
    changes = changes_of(recipe, base)
    assert sorted(changes) == sorted(words)
    assert changed(base, [*changes, "training.seed=7"]) == recipe
    assert changes_of(base, base) == []
