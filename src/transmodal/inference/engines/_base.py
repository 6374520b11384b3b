"""The protocol between inference and whatever computes a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import UsageError


class Engine(Protocol):
    """A network that is ready to translate batches of windows."""

    def infer(
        self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Translate a batch of windows.

        Args:
            source: `(B, C, *S)` in [-1, 1]; 0 for a source that is missing.
            available: `(B, n_modalities)`, 1 or 0.
            noise: `(B,)` seeds of 63 bits; networks that draw no noise leave them unread.

        Returns:
            `(B, T, *S)` in the range of the network's output. The same windows give the same values however they are
            batched, as far as the rounding of floating-point sums goes.
        """
        ...


@runtime_checkable
class SupportsRecord(Protocol):
    """An engine that tells what it did, once it has translated."""

    def record(self) -> Mapping[str, Any]:
        """Return it, JSON-able.

        Returns:
            `name`, of the engine that computed: the one to take to compute the same again. `version`, of its package.
            `largest_difference` from torch over the windows that were compared, in the range of the network's output;
            `tolerance` for it. `fallback`, why torch computed, where it did.
        """
        ...


class EngineError(UsageError):
    """A network that an engine cannot compute, or does not compute as torch does."""
