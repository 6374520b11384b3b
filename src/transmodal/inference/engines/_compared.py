"""An engine beside torch: windows of each shape are translated by both, and have to agree; those that hold most first."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.inference.engines._base import Engine, EngineError
from transmodal.inference.engines.torch import TorchEngine

TOLERANCE = 1e-5
"""Of the range of the network's output: most by which an engine may differ from torch."""

COMPARED = 4
"""Most windows of a batch that are compared, of each shape until some hold more than air."""

_RANGES = {"signed": 2.0, "unit": 1.0}


class ComparedEngine:
    """Hands windows to an engine, after those of a shape that hold most have come out as torch computes them.

    Args:
        name: of the engine, which is its package's too.
        engine: that computes.
        reference: the same translator by torch.
    """

    def __init__(self, name: str, engine: Engine, reference: TorchEngine) -> None:
        self._name, self._engine, self._reference = name, engine, reference
        self._shapes = set[tuple[int, ...]]()
        self._difference = 0.0

    def infer(
        self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Translate a batch of windows; see `Engine`.

        Raises:
            UsageError: E004 for windows that the translator cannot take.
            InternalError: E601 for a translator in training mode.
            EngineError: E004 where the engine cannot compute the network, or differs from torch.
        """
        self._reference.check(source, available)
        synthetic = self._engine.infer(source, available, noise)
        shape = source.shape[1:]
        if shape not in self._shapes:
            contents = np.ptp(source.reshape(len(source), -1), axis=1)
            chosen = np.argsort(-contents, kind="stable")[:COMPARED]
            own = synthetic[chosen] if len(synthetic) == len(source) else synthetic
            self._compare(source[chosen], available[chosen], noise[chosen], own)
            if contents.max() > 0:
                self._shapes.add(shape)
        return synthetic

    def record(self) -> Mapping[str, Any]:
        """Return what computed and how near it is to torch; see `SupportsRecord`."""
        return {
            "name": self._name,
            "version": metadata.version(self._name),
            "largest_difference": self._difference,
            "tolerance": TOLERANCE,
        }

    def _compare(
        self,
        source: NDArray[np.float32],
        available: NDArray[np.float32],
        noise: NDArray[np.int64],
        synthetic: NDArray[np.float32],
    ) -> None:
        """Compare windows with torch's, and the first of them alone: a graph could hold for one size of batch only."""
        expected = self._reference.infer(source, available, noise)
        first = self._engine.infer(source[:1], available[:1], noise[:1])
        own = _RANGES.get(self._reference.translator.output_range, max(1.0, float(np.ptp(expected))))
        largest = max(_difference(synthetic, expected), _difference(first, expected[:1])) / own
        if not largest <= TOLERANCE:  # nor if it is no number
            raise EngineError(
                "E004",
                f"{type(self._reference.translator).__name__} by {self._name} differs from torch by {largest:.2g} "
                "of the output's range",
                f"at most {TOLERANCE:g}",
                "Take --engine torch, or --engine auto, which does so by itself.",
            )
        self._difference = max(self._difference, largest)


def _difference(values: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the largest difference; infinite between arrays of different shapes."""
    return float(np.abs(values - expected).max()) if values.shape == expected.shape else float("inf")
