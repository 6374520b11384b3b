"""Windows in batches that fit into memory: where one does not, it is tried again in halves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from transmodal.storage import memory
from transmodal.volumes.windows.cut import Window

Infer = Callable[[Sequence[Window]], NDArray[np.float32]]


class BatchSize:
    """How many windows go through a network at a time; it is lowered where memory runs out, and stays so.

    Attributes:
        full: windows per batch, as the recipe says.
        size: as memory allows, so far.
    """

    def __init__(self, full: int, size: int | None = None) -> None:
        self.full = full
        self.size = full if size is None else size

    @property
    def is_lowered(self) -> bool:
        """Whether memory did not suffice for the full batches."""
        return self.size < self.full

    def lower(self, failed: int) -> None:
        """Take half of a batch that did not fit into memory."""
        self.size = max(1, failed // 2)


def infer_in_batches(
    windows: Sequence[Window], infer: Infer, limit: BatchSize
) -> Iterator[tuple[Sequence[Window], NDArray[np.float32]]]:
    """Yield batches of windows in order, each with its translation, `(B, T, *S)`.

    Raises:
        Exception: that `infer` raises; over memory, where it raises so for a single window.
    """
    start = 0
    while start < len(windows):
        batch = windows[start : start + limit.size]
        translation = _try_to_infer(batch, infer)
        if translation is None:
            limit.lower(len(batch))
            continue
        yield batch, translation
        start += len(batch)


def _try_to_infer(batch: Sequence[Window], infer: Infer) -> NDArray[np.float32] | None:
    """Return the translation of a batch; None where memory does not suffice for several windows at a time."""
    try:
        return infer(batch)
    except Exception as error:
        if len(batch) == 1 or not memory.is_out_of_memory(error):
            raise
    return None  # behind the handler: the error holds on to all that was in memory when it was raised
