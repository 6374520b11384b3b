"""Markdown tables of results, the same lines on a terminal and in the docs."""

from __future__ import annotations

from collections.abc import Sequence


def line(cells: Sequence[str]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(cells)} |"


def made_at(commit: str | None) -> str:
    """Return the commit that made a table, in words behind a verb; empty where it is not known."""
    digest, dash, dirty = (commit or "").partition("-")
    return f" at commit `{digest[:12]}{dash}{dirty}`" if digest else ""
