"""An engine beside torch: windows of each shape are translated by both, and have to agree; those that hold most first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.inference.engines._base import Engine, EngineError
from transmodal.inference.engines.torch import TorchEngine

TOLERANCE = 1e-5
"""Of the range of the network's output: most by which an engine may differ from torch."""

COMPARED = 4
"""Most windows of a batch that are compared, of each shape until some hold more than air."""

_RANGES = {"signed": 2.0, "unit": 1.0}


class Tolerance(NamedTuple):
    """How near to torch an engine has to be.

    Attributes:
        measure: difference of two arrays of windows of one shape.
        limit: most that it may be, of the range of the network's output.
        word: for the difference, in the record.
    """

    measure: Callable[[NDArray[np.float32], NDArray[np.float32]], float]
    limit: float
    word: str


def largest_difference(values: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the largest difference of any two values."""
    return float(np.abs(values - expected).max())


def rms_difference(values: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the root of the mean squared difference, that of the window where it is largest."""
    squares = np.square(values.astype(np.float64) - expected).reshape(len(values), -1)
    return float(np.sqrt(squares.mean(axis=1).max()))


ROUNDING = Tolerance(largest_difference, TOLERANCE, "largest_difference")


class ComparedEngine:
    """Hands windows to an engine, after those of a shape that hold most have come out as torch computes them.

    Args:
        name: of the engine.
        engine: that computes.
        reference: the same translator by torch.
        package: that the engine computes by; the one of its name by default.
        tolerance: how near to torch it has to be; but for rounding, by default.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        reference: TorchEngine,
        package: str = "",
        tolerance: Tolerance = ROUNDING,
    ) -> None:
        self._name, self._engine, self._reference = name, engine, reference
        self._package, self._tolerance = package or name, tolerance
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
            indices = np.argsort(-contents, kind="stable")[:COMPARED]
            own = synthetic[indices] if len(synthetic) == len(source) else synthetic
            self._compare(source[indices], available[indices], noise[indices], own)
            if contents.max() > 0:
                self._shapes.add(shape)
        return synthetic

    def record(self) -> Mapping[str, Any]:
        """Return what computed and how near it is to torch; see `SupportsRecord`."""
        return {
            "name": self._name,
            "version": metadata.version(self._package),
            self._tolerance.word: self._difference,
            "tolerance": self._tolerance.limit,
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
        own = range_of(self._reference.translator.output_range, expected)
        largest = max(self._differ(synthetic, expected), self._differ(first, expected[:1])) / own
        limit = self._tolerance.limit
        if not largest <= limit:  # nor if it is no number
            raise EngineError(
                "E004",
                f"{type(self._reference.translator).__name__} by {self._name} differs from torch by {largest:.2g} "
                "of the output's range",
                f"at most {limit:.3g}",
                "Take --engine torch, or --engine auto, which does so by itself.",
            )
        self._difference = max(self._difference, largest)

    def _differ(self, values: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
        """Return the difference; infinite between arrays of different shapes."""
        return self._tolerance.measure(values, expected) if values.shape == expected.shape else float("inf")


def range_of(output_range: str, expected: NDArray[np.float32]) -> float:
    """Return the width of the range of a network's output; that of some of its values where it has no bounds."""
    return _RANGES.get(output_range, max(1.0, float(np.ptp(expected))))
