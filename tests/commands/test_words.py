"""Words of Python in the form of the command line's."""

from __future__ import annotations

from pathlib import Path

from transmodal.commands._words import list_words, path_of


def test_words_of_python_become_those_of_the_line() -> None:
    assert list_words(Path("a.nii")) == ["a.nii"]
    assert list_words("a,b") == ["a,b"]
    assert list_words(["a", Path("b")]) == ["a", "b"]
    assert list_words({"t1": "a", "t2": Path("b")}) == ["t1=a", "t2=b"]
    assert list_words(()) == []


def test_a_word_is_a_path_unless_there_is_none() -> None:
    assert path_of("a") == path_of(Path("a")) == Path("a")
    assert path_of(None) is None
