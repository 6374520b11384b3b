"""Without a wish, passes are the recipe's."""

from __future__ import annotations

from transmodal.inference.passes import BY_RECIPE, Passes


def test_nothing_is_chosen_by_default_but_one_draw() -> None:
    assert Passes() == BY_RECIPE == (None, None, 1, None, ())


def test_a_choice_leaves_the_rest_to_the_recipe() -> None:
    chosen = BY_RECIPE._replace(axes=("x", "z"), fuse="median")
    assert chosen.translate_with is None
    assert chosen != BY_RECIPE
