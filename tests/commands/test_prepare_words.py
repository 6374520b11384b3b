"""A preparation in words: nothing where nothing is said, and a split that papers may have."""

from __future__ import annotations

from transmodal.commands._prepare_words import CohortSplitWords, PrepareWords


def test_nothing_is_computed_or_tolerated_unless_it_is_said() -> None:
    words = PrepareWords()
    assert (words.regions, words.recipes, words.intensity, words.labels) == ((), (), (), None)
    assert not any((words.keep_going, words.strict_pairs, words.has_viewer))
    assert words.split == CohortSplitWords("8:1:1")


def test_a_group_to_test_and_a_fold_are_tests() -> None:
    assert not CohortSplitWords("syndiff").has_test
    assert CohortSplitWords(fold="0/5").has_test
    assert CohortSplitWords(test_group="site Guys").has_test
