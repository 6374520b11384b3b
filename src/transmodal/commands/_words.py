"""Words as Python gives them, in the form that the command line gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

Words = str | Path | Sequence[str | Path] | Mapping[str, str | Path]


def list_words(words: Words) -> list[str]:
    """Return one word, several, or `name=word` for each by its name, as a list."""
    if isinstance(words, Mapping):
        return [f"{name}={word}" for name, word in words.items()]
    return [str(words)] if isinstance(words, str | Path) else [str(word) for word in words]


def path_of(word: str | Path | None) -> Path | None:
    """Return the path that a word names; None for none."""
    return None if word is None else Path(word)
