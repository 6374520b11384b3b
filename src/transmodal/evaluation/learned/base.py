"""What a metric needs that is taken by a network: a pair of volumes in, figures of the case or of the split out."""

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
    """What is black and what is white to a network of images.

    Attributes:
        low: value of nothing, black.
        width: of the range of values, up to white; nothing is clipped.
        unit: of the values.
    """

    low: float
    width: float
    unit: str

    def text(self) -> str:
        """Say it for a protocol."""
        return f"{self.low:g} {self.unit} black, {self.low + self.width:.10g} {self.unit} white"


@dataclass(frozen=True, slots=True)
class Pair:
    """One case's target and what one translator made of it.

    Attributes:
        case: id of the case.
        translator: what made the synthetic volume.
        reference: the target as it is compared.
        synthetic: on the same grid.
        mask: evaluation mask `(I, J, K)`, or None.
        unit: of the values.
        data_range: width of their range.
        mask_text: what the mask is where it is not the data set's.
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
        """What is black and what is white."""
        return Scale(modality_in(self.unit).background, self.data_range, self.unit)

    def check(self) -> None:
        """Refuse what cannot be compared.

        Raises:
            InputError: E130 for shapes that differ, E120 for values that are not finite, E124 for an empty mask.
        """
        check_pair(self.reference.voxels, self.synthetic.voxels, self.mask)


class Judge(Protocol):
    """Takes some metrics of pairs."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Their names."""

    def figures(self, pair: Pair) -> list[MetricValue]:
        """Return the figures of one pair, and remember what figures of the split need."""

    def splits(self) -> list[SplitFigure]:
        """Return the figures of the split, once all pairs were seen."""

    def record(self) -> dict[str, Any]:
        """Return which network judged and what else a reader has to know, JSON-able."""


@dataclass(frozen=True, slots=True)
class Judges:
    """Those who take part in an evaluation."""

    everyone: Sequence[Judge] = ()

    def figures(self, pair: Pair) -> list[MetricValue]:
        """Return all figures of one pair."""
        return [figure for one in self.everyone for figure in one.figures(pair)]

    def splits(self) -> tuple[SplitFigure, ...]:
        """Return all figures of the split."""
        return tuple(figure for one in self.everyone for figure in one.splits())

    def record(self) -> dict[str, Any]:
        """Return the record of each, by its metrics."""
        return {", ".join(one.metrics): one.record() for one in self.everyone}


NOBODY = Judges()
