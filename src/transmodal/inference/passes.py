"""By what passes a run translates a volume, where it is not by its recipe's."""

from __future__ import annotations

from typing import NamedTuple

from transmodal.inference.fuse import Fuse
from transmodal.nets.blocks import TranslateWith


class Passes(NamedTuple):
    """By what passes runs translate, where it is not by their recipes'.

    Attributes:
        axes: slice axes, of `x`, `y`, `z`; None takes each recipe's.
        fuse: how passes become one; None takes each recipe's.
        draws: passes per axis, each with noise of its own.
        translate_with: what batch normalisation takes; None takes each recipe's.
        flips: axes, of `x`, `y`, `z`, along which the volume is mirrored for one more pass each.
    """

    axes: tuple[str, ...] | None = None
    fuse: Fuse | None = None
    draws: int = 1
    translate_with: TranslateWith | None = None
    flips: tuple[str, ...] = ()


BY_RECIPE = Passes()
