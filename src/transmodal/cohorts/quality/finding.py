"""One thing that speaks against a source image."""

from __future__ import annotations

from typing import Literal, NamedTuple

Outcome = Literal["pass", "warn", "refuse"]
OUTCOMES: tuple[Outcome, ...] = ("pass", "warn", "refuse")
"""From the mildest to the gravest."""


class Finding(NamedTuple):
    """One thing that speaks against a source.

    Attributes:
        evidence: `header`, `grid` or `image`.
        outcome: `warn` or `refuse`.
        text: in words and figures.
    """

    evidence: Literal["header", "grid", "image"]
    outcome: Outcome
    text: str
