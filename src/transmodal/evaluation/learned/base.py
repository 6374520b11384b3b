"""The interface of metrics that a network measures: a pair of volumes in, values of the case or of the split out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from transmodal.metrics.checks import check_pair
from transmodal.metrics.protocol import MetricValue
from transmodal.metrics.table import SplitFigure
from transmodal.modalities import modality_in
from transmodal.volumes import Volume


class Scale(NamedTuple):
    """The values that a network of images gets as black and as white.

    Attributes:
        low: value of empty space, black.
        width: of the range of values, up to white; nothing is clipped.
        unit: of the values.
    """

    low: float
    width: float
    unit: str

    def text(self) -> str:
        """Return it in words, for a protocol."""
        return f"{self.low:g} {self.unit} black, {self.low + self.width:.10g} {self.unit} white"


@dataclass(frozen=True, slots=True)
class CasePair:
    """One case's target and one translator's synthetic volume of it.

    Attributes:
        case: id of the case.
        translator: by which the synthetic volume was made.
        reference: the target as it is compared.
        synthetic: on the same grid.
        mask: evaluation mask `(I, J, K)`, or None.
        unit: of the values.
        data_range: width of their range.
        mask_text: the mask in words, where it is not the data set's.
    """

    case: str
    translator: str
    reference: Volume
    synthetic: Volume
    mask: NDArray[np.bool_] | None
    unit: str
    data_range: float
    mask_text: str = ""

    @property
    def scale(self) -> Scale:
        """The values that are black and white."""
        return Scale(modality_in(self.unit).background, self.data_range, self.unit)

    def check(self) -> None:
        """Refuse what cannot be compared.

        Raises:
            InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
        """
        check_pair(self.reference.voxels, self.synthetic.voxels, self.mask)


class LearnedMetric(Protocol):
    """Measures pairs by one network, which may give several metrics."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Their names."""

    def measure(self, pair: CasePair) -> list[MetricValue]:
        """Return the values of one pair, and remember what values of the split need."""

    def split_figures(self) -> list[SplitFigure]:
        """Return the values of the split, once all pairs were measured."""

    def record(self) -> dict[str, Any]:
        """Return which network measured and what else a reader has to know, JSON-able."""


@dataclass(frozen=True, slots=True)
class LearnedMetrics:
    """The learned metrics of an evaluation."""

    parts: Sequence[LearnedMetric] = ()

    def measure(self, pair: CasePair) -> list[MetricValue]:
        """Return all values of one pair."""
        return [value for part in self.parts for value in part.measure(pair)]

    def split_figures(self) -> tuple[SplitFigure, ...]:
        """Return all values of the split."""
        return tuple(figure for part in self.parts for figure in part.split_figures())

    def record(self) -> dict[str, Any]:
        """Return the record of each, by its metrics."""
        return {", ".join(part.metrics): part.record() for part in self.parts}


NO_LEARNED_METRICS = LearnedMetrics()
