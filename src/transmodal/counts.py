"""Counts in words: `1 case`, `2 cases`."""

from __future__ import annotations


def counted(n: int, noun: str, plural: str = "") -> str:
    """Return a number of things, such as `1 patient` and `2 patients`.

    Args:
        n: how many.
        noun: for a single thing; a verb may follow, as in `file is`.
        plural: for more or none, such as `files are`; the noun with an s where it is empty.
    """
    return f"{n} {noun}" if n == 1 else f"{n} {plural or f'{noun}s'}"
