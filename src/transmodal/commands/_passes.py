"""By what passes a volume is translated, as options say it; light, as the command line imports it to show help."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transmodal.inference.passes import Passes


class Fusing(StrEnum):
    """How several passes are fused into one volume."""

    MEAN = "mean"
    MEDIAN = "median"


class Normalising(StrEnum):
    """Statistics of batch normalisation while translating."""

    BATCH_STATISTICS = "batch_statistics"
    RUNNING = "running"


def letters(words: str | Sequence[str]) -> tuple[str, ...] | None:
    """Return the axes that `--axes` names, as yet unchecked; None for nothing, which leaves the recipe's."""
    axes = words.split(",") if isinstance(words, str) and words else words
    return tuple(axes) or None


def of(axes: str, fuse: Fusing | None, draws: int, translate_with: Normalising | None) -> Passes:
    """Return the passes that the options name."""
    from transmodal.inference.passes import Passes

    return Passes(
        letters(axes),
        fuse.value if fuse else None,
        draws,
        translate_with.value if translate_with else None,
    )
