"""Words as Python gives them, in the form that the command line gives them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from transmodal.errors import UsageError

Words = str | Path | Sequence[str | Path] | Mapping[str, str | Path]


def list_words(words: Words) -> list[str]:
    """Return one word, several, or `name=word` for each by its name, as a list."""
    if isinstance(words, Mapping):
        return [f"{name}={word}" for name, word in words.items()]
    return [str(words)] if isinstance(words, str | Path) else [str(word) for word in words]


def folders_by_name(words: Words) -> list[str]:
    """Return folders as verbs name them that take several: `FOLDER`, or `FOLDER=name`."""
    if isinstance(words, Mapping):
        return [f"{folder}={name}" for name, folder in words.items()]
    return list_words(words)


def path_of(word: str | Path | None) -> Path | None:
    """Return the path that a word names; None for none."""
    return None if word is None else Path(word)


def in_shell(path: Path) -> str:
    """Return a path as a command to copy has it: quoted where a shell needs it, and never an option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def seed_numbers(text: str | None) -> list[int]:
    """Return the numbers of `--seeds 1,2,3`; none where nothing is named.

    Raises:
        UsageError: E001 for what is no number.
    """
    try:
        return [int(number) for number in text.split(",")] if text else []
    except ValueError as error:
        raise UsageError("E001", f"--seeds {text}", "numbers such as 1,2,3", "Correct it.") from error
