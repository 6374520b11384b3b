"""How tensors of a network are made of the tensors of a file, and the parts that several files share."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from transmodal.nets.pretrained import TensorMap


class WeightMap(NamedTuple):
    """How tensors of a network are made of a file's, and patterns of names in the file that are not used.

    Attributes:
        tensors: one for each tensor that is filled.
        ignored: patterns of whole names.
    """

    tensors: list[TensorMap]
    ignored: tuple[str, ...]


def weight_and_bias(target: str, source: str) -> list[TensorMap]:
    return [TensorMap(f"{target}{part}", (f"{source}{part}",)) for part in ("weight", "bias")]


def square(rows: Tensor) -> Tensor:
    """Return `(1, C, g, g)` of `(g * g, C)`."""
    side = math.isqrt(len(rows))
    return rows.t().reshape(1, -1, side, side)
