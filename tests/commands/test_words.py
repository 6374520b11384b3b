"""Words of Python in the form of the command line's."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.commands._words import in_shell, list_words, path_of, seed_numbers
from transmodal.errors import UsageError


def test_words_of_python_become_those_of_the_line() -> None:
    assert list_words(Path("a.nii")) == ["a.nii"]
    assert list_words("a,b") == ["a,b"]
    assert list_words(["a", Path("b")]) == ["a", "b"]
    assert list_words({"t1": "a", "t2": Path("b")}) == ["t1=a", "t2=b"]
    assert list_words(()) == []


def test_a_word_is_a_path_unless_there_is_none() -> None:
    assert path_of("a") == path_of(Path("a")) == Path("a")
    assert path_of(None) is None


@pytest.mark.parametrize(
    ("name", "word"), [("a/b", "a/b"), ("two words", "'two words'"), ("./-rf", "./-rf"), ("a\nb", "'a\nb'")]
)
def test_a_path_is_one_word_of_a_shell_and_no_option(name: str, word: str) -> None:
    assert in_shell(Path(name)) == word


def test_seeds_are_numbers() -> None:
    assert seed_numbers("1, 2,3") == [1, 2, 3]
    assert seed_numbers(None) == seed_numbers("") == []
    with pytest.raises(UsageError, match="--seeds 1,two"):
        seed_numbers("1,two")
